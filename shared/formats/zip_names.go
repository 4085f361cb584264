package formats

import (
	"path"
	"slices"
	"strings"
)

// zipNames are the names of the files in an archive, in lower case: PyTorch's reader takes a file whose name differs in case alone (miniz's
// mz_zip_locate_file_v2).
type zipNames map[string]bool

// has reports whether the archive has the file in its one folder, as PyTorch writes it.
func (n zipNames) has(name string) bool {
	for full := range n {
		if _, rest, ok := strings.Cut(full, "/"); ok && rest == name {
			return true
		}
	}
	return false
}

// has reports whether the entry's name has the ending, in any case.
func (e *zipEntry) has(ending string) bool { return strings.EqualFold(path.Ext(e.name), ending) }

// zipFormatOf finds an archive's format by the names in it, nil for none. It fails with a *Refusal if it is of several, or if programs would
// differ in which of its files they read.
func zipFormatOf(entries []zipEntry) (*zipFormat, error) {
	names, twin := zipNamesOf(entries)
	var found *zipFormat
	for i := range zipFormats {
		if !zipFormats[i].is(names) {
			continue
		}
		if found != nil {
			return nil, &Refusal{Malformed, Zip, "this zip archive is " + found.known.name + " and " + zipFormats[i].known.name + " at once"}
		}
		found = &zipFormats[i]
	}
	exact := zipNames{}
	for i := range entries {
		exact[entries[i].name] = true
	}
	switch {
	case found == nil:
		return nil, nil //nolint:nilnil // no format, and nothing wrong
	case !found.is(exact): // torch.load takes constants.pkl alone for a sign of TorchScript
		return nil, malformed(0, "has names in another case than programs write, which some do not know: save it anew").named(found.known)
	case twin != nil && found.known.format != NPZ: // NumPy alone reads that
		return nil, sameName(twin).named(found.known)
	case found.folder:
		return found, nameZip(oneFolder(entries), found.known)
	}
	return found, nil
}

// zipNamesOf returns the names of the entries, and an entry whose name differs from another's in case alone, nil for none.
func zipNamesOf(entries []zipEntry) (names zipNames, twin *zipEntry) {
	names = zipNames{}
	for i := range entries {
		name := strings.ToLower(entries[i].name)
		if names[name] {
			twin = &entries[i]
		}
		names[name] = true
	}
	return names, twin
}

// sameName refuses an archive for an entry whose name another has in another case.
func sameName(e *zipEntry) *Refusal {
	return malformed(e.header, "has the file %s, and another whose name differs in case alone: some programs read the one, and some the other", shorten(e.name))
}

// oneFolder fails with a *Refusal unless all entries are in the same folder.
func oneFolder(entries []zipEntry) error {
	first, _, _ := strings.Cut(entries[0].name, "/")
	i := slices.IndexFunc(entries, func(e zipEntry) bool {
		top, _, ok := strings.Cut(e.name, "/")
		return !ok || top != first
	})
	if i < 0 {
		return nil
	}
	return malformed(entries[i].header, "has the file %s outside of the one folder that PyTorch reads: save it anew by PyTorch", shorten(entries[i].name))
}
