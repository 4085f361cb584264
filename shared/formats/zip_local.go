package formats

import (
	"encoding/binary"
	"slices"
)

// zipFields are the numbers that an extra field has in place of those that are too large for a header (APPNOTE.TXT, 4.5.3).
type zipFields struct {
	numbers []int64
	given   bool
}

// zipExtras are the extra fields that an entry may have, by their ids: they say nothing of its name or content. What others say, some readers
// heed and others do not: zipfile takes a name from 0x7075 (CPython's Lib/zipfile, _decodeExtra).
var zipExtras = []uint16{
	zipLarge,
	0x000a, // times of NTFS (APPNOTE.TXT, 4.5.5)
	0x5455, // times, as Info-ZIP writes them (its extrafld.txt)
	0x5855, // times and owner, in its older form
	0x7875, // owner, in its newer form
	0x4246, // padding that aligns the content, "FB" (PyTorch's inline_container.cc, getPadding)
}

// zipLarge is the id of the extra field of large archives (APPNOTE.TXT, 4.5.3).
const zipLarge = 1

// zipExtra reads the extra fields in n bytes at a place, and returns those of large archives.
func (f *file) zipExtra(at, n int64) (zipFields, error) {
	fields := zipFields{}
	if n > f.size-at {
		return fields, malformed(at, "has extra fields beyond its end")
	}
	b, err := f.peek(at, int(n))
	if err != nil {
		return fields, err
	}
	for len(b) >= 4 {
		id, size := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		b = b[4:]
		switch {
		case !slices.Contains(zipExtras, id):
			return fields, malformed(at, "has the extra field %#04x, which not all programs read alike: save the archive without it", id)
		case size > len(b) || id == zipLarge && fields.given:
			return fields, malformed(at, "has extra fields that are not valid")
		}
		if id == zipLarge {
			fields.given = true
			for i := 0; i+8 <= size; i += 8 {
				fields.numbers = append(fields.numbers, signed(binary.LittleEndian.Uint64(b[i:])))
			}
		}
		b = b[size:]
	}
	if len(b) > 0 {
		return fields, malformed(at, "has extra fields that are not valid")
	}
	return fields, nil
}

// widen puts the numbers in place of those that say that they are too large for their field. It reports whether there is one for each.
func (z zipFields) widen(narrow ...*int64) bool {
	numbers := z.numbers
	for _, n := range narrow {
		if *n != zipNarrow {
			continue
		}
		if len(numbers) == 0 {
			return false
		}
		*n, numbers = numbers[0], numbers[1:]
	}
	return true
}

// zipLocal reads the local header of an entry, and makes sure that it agrees with the directory and that the entry ends at end.
func (f *file) zipLocal(e *zipEntry, end int64) error {
	b, err := f.peek(e.header, zipLocalSize)
	if err != nil {
		return err
	}
	if len(b) < zipLocalSize || string(b[:4]) != zipLocal {
		return malformed(e.header, "has no file where its directory says that %s is", shorten(e.name))
	}
	number := binary.LittleEndian.Uint16
	local := zipEntry{
		flags: number(b[6:]), method: number(b[8:]), crc: binary.LittleEndian.Uint32(b[14:]), packed: int64(binary.LittleEndian.Uint32(b[18:])),
		size: int64(binary.LittleEndian.Uint32(b[22:])),
	}
	name, extra := int64(number(b[26:])), int64(number(b[28:]))
	if local.name, err = f.zipName(e.header+zipLocalSize, name); err != nil {
		return err
	}
	fields, err := f.zipExtra(e.header+zipLocalSize+name, extra)
	if err != nil {
		return err
	}
	widened := fields.widen(&local.size, &local.packed)
	later := e.flags&zipHasFooter != 0 && local.crc == 0 && local.size == 0 && local.packed == 0
	if !widened || local.name != e.name || local.flags != e.flags || local.method != e.method ||
		!later && (local.crc != e.crc || local.size != e.size || local.packed != e.packed) {
		return malformed(e.header, "has the file %s with a header that differs from the directory", shorten(e.name))
	}
	e.data = e.header + zipLocalSize + name + extra
	if e.data > end || e.packed > end-e.data {
		return malformed(e.header, "has the file %s, which another overlaps", shorten(e.name))
	}
	return f.zipFooter(e, end)
}

// zipFooter makes sure that nothing but the sizes and the CRC, where the header leaves them out, is between an entry's content and end.
func (f *file) zipFooter(e *zipEntry, end int64) error {
	at := e.data + e.packed
	length := end - at
	if length == 0 && e.flags&zipHasFooter == 0 {
		return nil
	}
	if e.flags&zipHasFooter == 0 || length != 16 && length != 24 {
		return malformed(at, "has %d bytes that belong to no file of the archive", length)
	}
	b, err := f.peek(at, int(length))
	if err != nil {
		return err
	}
	packed, size := int64(binary.LittleEndian.Uint32(b[8:])), int64(binary.LittleEndian.Uint32(b[12:]))
	if length == 24 {
		packed, size = signed(binary.LittleEndian.Uint64(b[8:])), signed(binary.LittleEndian.Uint64(b[16:]))
	}
	if string(b[:4]) != zipDescriptor || binary.LittleEndian.Uint32(b[4:]) != e.crc || packed != e.packed || size != e.size {
		return malformed(at, "has the file %s with sizes behind it that differ from the directory", shorten(e.name))
	}
	return nil
}
