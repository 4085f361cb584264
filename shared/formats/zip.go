package formats

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
)

// zipFormat is a format whose files are zip archives.
type zipFormat struct {
	known about
	// folder says that all files are in one folder. PyTorch takes that of the first file in the directory (inline_container.cc, init).
	folder bool
	// is reports whether an archive with these names is of the format.
	is func(names zipNames) bool
	// read reads what the format says in the archive's files; nil where that is nothing but pickles.
	read func(a *zipArchive) error
}

// zipFormats are the formats whose files are zip archives.
var zipFormats = []zipFormat{pyTorch, torchScript, pt2, pt2Flat, kerasArchive, skops, npz}

// zipReader stands in the table for one of the zipFormats.
type zipReader struct{ format Format }

// zipArchive is an archive that is read.
type zipArchive struct {
	*file
	entries []zipEntry
	catalog zipCatalog
	report  *pickleReport
	model   Model
}

func (z zipReader) about() about {
	i := slices.IndexFunc(zipFormats, func(f zipFormat) bool { return f.known.format == z.format })
	return zipFormats[i].known
}

// recognises takes each archive for the first of the formats: its reader reads them all, so that the directory is read once.
func (z zipReader) recognises(f *file) (bool, error) {
	if z.format != zipFormats[0].known.format {
		return false, nil
	}
	return isZip(f)
}

// isZip reports whether a file begins with an archive's first file, or ends like an archive.
func isZip(f *file) (bool, error) {
	head, err := f.peek(0, 4)
	if err != nil || string(head) == zipLocal {
		return err == nil, err
	}
	if f.size < zipEndSize {
		return false, nil
	}
	tail, err := f.peek(f.size-zipEndSize, zipEndSize)
	return err == nil && bytes.HasPrefix(tail, []byte(zipEnd)) && tail[20] == 0 && tail[21] == 0 && f.size > zipEndSize, err
}

func (z zipReader) read(f *file) (Model, error) {
	entries, catalog, err := f.zipEntries()
	if err != nil {
		return Model{}, nameZip(err, about{format: Zip, name: "a zip archive"})
	}
	found, err := zipFormatOf(entries)
	switch {
	case err != nil:
		return Model{}, err
	case found == nil:
		return Model{}, f.unknownZip()
	}
	a := &zipArchive{file: f, entries: entries, catalog: catalog, report: newPickleReport(), model: newModel(found.known.format)}
	if err := a.scan(0); err != nil {
		return Model{}, nameZip(err, found.known)
	}
	a.report.fill(&a.model)
	if found.read != nil {
		err = found.read(a)
	}
	return a.model, nameZip(err, found.known)
}

// unknownZip returns errOther for an archive that is of no format and begins like one, since that is refused later, or the refusal of one that
// begins with something else: some programs would find the archive, and others what is before it.
func (f *file) unknownZip() error {
	head, err := f.peek(0, len(zipLocal))
	switch {
	case err != nil:
		return err
	case string(head) == zipLocal:
		return errOther
	}
	return &Refusal{UnsupportedFormat, Zip, "this file ends with a zip archive and begins with something else: unpack it and upload the model in it"}
}

// nameZip names the archive in a refusal.
func nameZip(err error, a about) error {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.named(a)
	}
	return err
}

// maxArchives is how deep archives may be in each other.
const maxArchives = 3

// scan looks at each file of the archive: it scans those that are pickles, whatever their names are.
func (a *zipArchive) scan(depth int) error {
	if a.report.entries += len(a.entries); a.report.entries > maxZipEntries {
		return tooComplex("has more than %d files in it, and in the archives in it", maxZipEntries)
	}
	return a.eachEntry(a.entries, a.catalog, func(e *zipEntry) error {
		if e.size == 0 && !e.has(".pkl") {
			return nil
		}
		head, err := a.begin(e)
		if err != nil {
			return err
		}
		return a.scanEntry(e, head, depth)
	})
}

// scanEntry scans one file of the archive by how it begins.
func (a *zipArchive) scanEntry(e *zipEntry, head []byte, depth int) error {
	switch {
	case e.has(".pkl"):
		return a.pickle(e, head)
	case bytes.HasPrefix(head, []byte(zipLocal)):
		return a.nested(e, depth)
	case bytes.HasPrefix(head, []byte(numpyMagic)):
		return a.array(e, head)
	case bytes.HasPrefix(head, []byte("\x7fELF")), bytes.HasPrefix(head, []byte("MZ\x90\x00")):
		a.find(e, "program", "is a program")
	case isTar(head):
		a.find(e, "tar", "is a tar archive")
	case pickleOps[head[0]].run != nil:
		return a.pickle(e, head)
	}
	return nil
}

// find records an unsafe finding about a file of the archive.
func (a *zipArchive) find(e *zipEntry, code, detail string) {
	a.report.find(code, shorten(e.name)+" "+detail, 0, true)
}

// array looks for objects in an array of NumPy.
func (a *zipArchive) array(e *zipEntry, head []byte) error {
	array, err := readNumPy(head, e.size)
	if err == nil && len(array.Findings) > 0 {
		a.find(e, "objects", "has objects, which are pickled")
	}
	return inEntry(e, err)
}

// nested scans an archive in the archive.
func (a *zipArchive) nested(e *zipEntry, depth int) error {
	if e.method != zipStored || depth >= maxArchives {
		return malformed(e.header, "has the archive %s compressed, or too deep, in it: save it without compression", shorten(e.name))
	}
	f := newFile(io.NewSectionReader(a.from, e.data, e.size), e.size, "")
	f.reads = a.reads
	entries, catalog, err := f.zipEntries()
	if names, twin := zipNamesOf(entries); err == nil && twin != nil && !npz.is(names) {
		err = sameName(twin)
	}
	if err == nil {
		inner := &zipArchive{file: f, entries: entries, catalog: catalog, report: a.report}
		err = inner.scan(depth + 1)
	}
	a.reads = max(a.reads, f.reads)
	return inEntry(e, err)
}

// pickle scans a file of the archive that begins like a pickle. One that turns out to be none is data, unless its name says that it is a pickle,
// which is refused then, or it may do something before it breaks off.
func (a *zipArchive) pickle(e *zipEntry, head []byte) error {
	found := newPickleReport()
	found.where, found.steps, found.scripted = e.name, a.report.steps, a.model.Format == TorchScript
	if err := a.inflates(e); err != nil {
		return err
	}
	content := a.content(e)
	scan := newPickleScan(newByteStream(content), found)
	scan.storages = true
	err := scan.all()
	a.report.steps = found.steps
	switch {
	case err == nil:
	case a.fault != nil, content.err != nil:
		return content.explain(a.file, cmp.Or(a.fault, content.err))
	case e.has(".pkl"), found.stopped > 1, a.report.steps > maxPickleSteps: // PyTorch's files before 1.6 have several
		return inEntry(e, err)
	case !found.runs() && !isPickle(head):
		return nil
	default:
		found.tensors, found.elements = nil, 0
	}
	a.report.merge(found)
	return nil
}

// inflates counts the bytes of an entry that is read whole. It fails with a *Refusal if too many are compressed.
func (a *zipArchive) inflates(e *zipEntry) error {
	if e.method != zipDeflated {
		return nil
	}
	if a.report.inflated += e.size; a.report.inflated < 0 || a.report.inflated > maxInflated {
		return tooComplex("has more than %d bytes of compressed pickles and code: save it without compression", int64(maxInflated))
	}
	return nil
}

// inEntry says of a refusal that it is about a file of the archive.
func inEntry(e *zipEntry, err error) error {
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok || refusal.Format != "" {
		return err
	}
	return &Refusal{Code: refusal.Code, Detail: "has the file " + shorten(e.name) + ", which " + refusal.Detail}
}

// merge adds what was found in a file of an archive.
func (r *pickleReport) merge(other *pickleReport) {
	for _, f := range other.findings {
		r.find(f.Code, f.Detail, f.Offset, f.Unsafe)
	}
	for _, t := range other.tensors {
		if r.names += len(t.Name); len(r.tensors) < maxTensors && r.names <= maxNames {
			r.tensors = append(r.tensors, t)
		}
	}
	if r.elements+other.elements >= r.elements {
		r.elements += other.elements
	}
	if r.model == "" {
		r.model, r.producer, r.version = other.model, other.producer, other.version
	}
}
