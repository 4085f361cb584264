package formats

import (
	"errors"
	"strings"
)

// reader reads the files of one format. A new format is a file with its reader, and a line in the table.
type reader interface {
	// about returns what is known of the format before any file is read.
	about() about
	// recognises reports whether the file begins, and ends, like one of the format; it reads no more than that. A format without a signature
	// says yes to each file. It fails only if the file cannot be read.
	recognises(f *file) (bool, error)
	// read returns what the file says of itself. It fails with a *Refusal if the file is damaged, unsafe or too complex, with errOther if it is
	// of another format after all, and with the file's own error if it cannot be read.
	read(f *file) (Model, error)
}

// errOther says that a file is not of the reader's format.
var errOther = errors.New("formats: the file is of another format")

// about is what is known of a format.
type about struct {
	format   Format
	name     string   // of a file, with its article: "an ONNX file"
	endings  []string // of names, in lower case; a file with one of them must have a format that has the ending
	names    []string // whole names, in lower case, without a folder; a file with one of them must be of the format
	maxSize  int64    // bytes, 0: no limit
	advice   string   // for a file that is larger, ""
	unsigned bool     // the format has no signature: a file that its reader refuses is not one, unless its name or its upload says so, or it runs code
	code     bool     // loading a file can run code that is in it, whatever was found
	kind     Kind     // of a version that serves a file; "": the format's name
	asset    bool     // a file of it is no model, but lies beside one
	pickled  bool     // it is, or holds, Python pickles: the policy's rule for these holds
}

// label returns the name without its article.
func (a about) label() string {
	_, label, _ := strings.Cut(a.name, " ")
	return label
}

// kindOf returns the kind of a version whose model is of the format.
func (a about) kindOf() Kind {
	if a.kind != "" {
		return a.kind
	}
	return Kind(a.format)
}
