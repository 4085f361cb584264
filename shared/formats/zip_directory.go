package formats

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
)

// zipEntry is a file in a zip archive.
type zipEntry struct {
	name         string
	method       uint16 // 0: stored, 8: deflated
	flags        uint16
	crc          uint32
	packed, size int64 // bytes in the archive, and of the content
	header       int64 // where the local header is
	data         int64 // where the content is
}

// The records of a zip archive (APPNOTE.TXT 6.3.10, 4.3).
const (
	zipLocal       = "PK\x03\x04" // 4.3.7
	zipCentral     = "PK\x01\x02" // 4.3.12
	zipEnd         = "PK\x05\x06" // 4.3.16
	zipEnd64       = "PK\x06\x06" // 4.3.14
	zipLocator     = "PK\x06\x07" // 4.3.15
	zipDescriptor  = "PK\x07\x08" // 4.3.9
	zipLocalSize   = 30
	zipCentralSize = 46
	zipEndSize     = 22
	zipEnd64Size   = 56
	zipLocatorSize = 20

	zipEncrypted   = 1 << 0 // 4.4.4
	zipHasFooter   = 1 << 3 // sizes and CRC follow the content
	zipStrong      = 1 << 6
	zipMasked      = 1 << 13
	zipStored      = 0
	zipDeflated    = 8
	maxZipEntries  = 1 << 16
	maxZipNames    = 8 << 20 // bytes of all names
	zipNarrow      = math.MaxUint32
	zipNarrowCount = math.MaxUint16
)

// zipCatalog is where the central directory lies.
type zipCatalog struct{ begin, size, entries, end int64 }

// zipEntries reads the directory of a zip archive, in the order of the archive. Readers differ in what they take from archives that say
// something twice, so it fails with a *Refusal unless the directory is as it has to be; whether the rest agrees, eachEntry tells.
func (f *file) zipEntries() ([]zipEntry, zipCatalog, error) {
	catalog, err := f.zipCatalog()
	if err != nil {
		return nil, catalog, err
	}
	entries, err := f.zipCentral(catalog)
	slices.SortFunc(entries, func(a, b zipEntry) int { return cmp.Compare(a.header, b.header) })
	return entries, catalog, err
}

// eachEntry visits the entries in their order, after their local headers. It fails with a *Refusal unless these agree with the directory and
// each byte of the archive belongs to one thing.
func (f *file) eachEntry(entries []zipEntry, catalog zipCatalog, visit func(e *zipEntry) error) error {
	at := int64(0)
	for i := range entries {
		e, end := &entries[i], catalog.begin
		if i+1 < len(entries) {
			end = min(end, entries[i+1].header) // which is refused if it is beyond
		}
		if e.header != at {
			return malformed(at, "has %d bytes that belong to no file of the archive", e.header-at)
		}
		if err := f.zipLocal(e, end); err != nil {
			return err
		}
		if err := visit(e); err != nil {
			return err
		}
		at = end
	}
	if at != catalog.begin {
		return malformed(at, "has %d bytes that belong to no file of the archive", catalog.begin-at)
	}
	return nil
}

// zipCatalog finds the central directory from the end of the archive.
func (f *file) zipCatalog() (zipCatalog, error) {
	tail := min(f.size, zipEndSize+zipLocatorSize+zipEnd64Size)
	base := f.size - tail
	b, err := f.peek(base, int(tail))
	if err != nil {
		return zipCatalog{}, err
	}
	end := len(b) - zipEndSize
	if end < 0 || string(b[end:end+4]) != zipEnd {
		return zipCatalog{}, malformed(f.size, "does not end with the directory of a zip archive: it is cut, or something was added")
	}
	last := b[end:]
	disk, comment := binary.LittleEndian.Uint32(last[4:]), binary.LittleEndian.Uint16(last[20:])
	count, all := binary.LittleEndian.Uint16(last[8:]), binary.LittleEndian.Uint16(last[10:])
	c := zipCatalog{
		begin: int64(binary.LittleEndian.Uint32(last[16:])), size: int64(binary.LittleEndian.Uint32(last[12:])), entries: int64(all),
		end: f.size - zipEndSize,
	}
	if disk != 0 || comment != 0 || count != all {
		return zipCatalog{}, malformed(c.end, "has an archive in several parts, or with a comment")
	}
	if locator := end - zipLocatorSize; locator >= 0 && string(b[locator:locator+4]) == zipLocator {
		if c, err = zipWide(c, b[:end], base); err != nil {
			return zipCatalog{}, err
		}
	}
	switch {
	case c.entries > maxZipEntries:
		return zipCatalog{}, tooComplex("has %d files in it; at most %d are allowed", c.entries, maxZipEntries)
	case c.begin < 0 || c.size < 0 || c.begin > c.end || c.size != c.end-c.begin:
		return zipCatalog{}, malformed(c.end, "has a directory that is not where it has to be: before it, after it or in it is something else")
	}
	return c, nil
}

// zipWide reads the end record of an archive of more than 4 GiB. b ends with it and its locator, and begins at base.
func zipWide(narrow zipCatalog, b []byte, base int64) (zipCatalog, error) {
	at := len(b) - zipLocatorSize - zipEnd64Size
	if at < 0 || string(b[at:at+4]) != zipEnd64 || binary.LittleEndian.Uint64(b[at+4:]) != zipEnd64Size-12 {
		return zipCatalog{}, malformed(base+int64(max(at, 0)), "has no valid record of the end of its directory")
	}
	locator, last := b[at+zipEnd64Size:], b[at:]
	where, disks := binary.LittleEndian.Uint64(locator[8:]), binary.LittleEndian.Uint32(locator[16:])
	c := zipCatalog{
		begin: signed(binary.LittleEndian.Uint64(last[48:])), size: signed(binary.LittleEndian.Uint64(last[40:])),
		entries: signed(binary.LittleEndian.Uint64(last[32:])), end: base + int64(at),
	}
	count := signed(binary.LittleEndian.Uint64(last[24:]))
	agree := func(small, most, large int64) bool { return small == large || small == most }
	if signed(where) != c.end || disks > 1 || binary.LittleEndian.Uint32(locator[4:]) != 0 || binary.LittleEndian.Uint64(last[16:]) != 0 ||
		count != c.entries || c.entries < 0 || !agree(narrow.begin, zipNarrow, c.begin) || !agree(narrow.size, zipNarrow, c.size) ||
		!agree(narrow.entries, zipNarrowCount, c.entries) {
		return zipCatalog{}, malformed(c.end, "has two records of the end of its directory that differ")
	}
	return c, nil
}

// zipCentral reads the central directory.
func (f *file) zipCentral(c zipCatalog) ([]zipEntry, error) {
	entries, names, seen := []zipEntry{}, 0, map[string]bool{}
	at := c.begin
	for range c.entries {
		e, next, err := f.zipCentralEntry(at, c.end)
		names += len(e.name)
		switch {
		case err != nil:
			return nil, err
		case names > maxZipNames:
			return nil, tooComplex("has more than %d bytes of names of files", maxZipNames)
		case seen[e.name]:
			return nil, malformed(at, "has the file %s twice", shorten(e.name))
		}
		seen[e.name] = true
		entries = append(entries, e)
		at = next
	}
	if at != c.end {
		return nil, malformed(at, "has a directory with fewer files than bytes")
	}
	return entries, nil
}

// zipCentralEntry reads an entry of a central directory that goes to end, and returns where the next one begins.
func (f *file) zipCentralEntry(at, end int64) (zipEntry, int64, error) {
	b, err := f.peek(at, zipCentralSize)
	if err != nil {
		return zipEntry{}, 0, err
	}
	if at+zipCentralSize > end || string(b[:4]) != zipCentral {
		return zipEntry{}, 0, malformed(at, "has no valid entry in its directory")
	}
	number := binary.LittleEndian.Uint16
	name, extra := int64(number(b[28:])), int64(number(b[30:]))
	e := zipEntry{
		flags: number(b[8:]), method: number(b[10:]), crc: binary.LittleEndian.Uint32(b[16:]), packed: int64(binary.LittleEndian.Uint32(b[20:])),
		size: int64(binary.LittleEndian.Uint32(b[24:])), header: int64(binary.LittleEndian.Uint32(b[42:])),
	}
	if number(b[32:]) != 0 || number(b[34:]) != 0 {
		return zipEntry{}, 0, malformed(at, "has a file with a comment, or in another part of the archive")
	}
	if e.name, err = f.zipName(at+zipCentralSize, name); err != nil {
		return zipEntry{}, 0, err
	}
	fields, err := f.zipExtra(at+zipCentralSize+name, extra)
	if err == nil && !fields.widen(&e.size, &e.packed, &e.header) {
		err = malformed(at, "has the file %s without its size", shorten(e.name))
	}
	if err == nil {
		err = e.check(at)
	}
	return e, at + zipCentralSize + name + extra, err
}

// check makes sure that an entry can be read.
func (e *zipEntry) check(at int64) error {
	switch {
	case e.flags&(zipEncrypted|zipStrong|zipMasked) != 0:
		return malformed(at, "has the file %s encrypted: save the archive without a password", shorten(e.name))
	case e.method != zipStored && e.method != zipDeflated:
		return malformed(at, "has the file %s compressed by the method %d; save it without compression, or with deflate", shorten(e.name), e.method)
	case e.size < 0 || e.packed < 0 || e.header < 0 || e.method == zipStored && e.size != e.packed:
		return malformed(at, "has the file %s with sizes that are none", shorten(e.name))
	case e.method == zipDeflated && e.size/maxRatio > e.packed:
		return malformed(at, "has the file %s, whose %d bytes cannot come from %d compressed ones", shorten(e.name), e.size, e.packed)
	}
	return nil
}

// zipName reads a name and makes sure that it stays in the archive.
func (f *file) zipName(at, length int64) (string, error) {
	name, err := f.string(message{at, at + length})
	if err != nil {
		return "", err
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
		if part == "" || part == "." || part == ".." || strings.Contains(part, `\`) {
			return "", malformed(at, "has the file %s, which would not be in the archive's folder", shorten(name))
		}
	}
	return name, nil
}
