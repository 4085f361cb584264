package formats

import (
	"bytes"
	"errors"
)

// pickle reads Python's pickles of protocols 2 to 5, and of protocols 0 and 1 where they begin by calling something. Nothing is unpickled: the
// opcodes are walked to the end of the file, and what they import is found. Pickles between whose opcodes joblib wrote arrays are Joblib.
type pickle struct{}

// about promises nothing for the ending .bin, which other formats' weights have too: pickles and archives are recognised under it by their bytes.
func (pickle) about() about {
	return about{format: Pickle, name: "a Python pickle", endings: []string{".pkl", ".pickle", ".joblib", ".pt", ".pth"}, kind: Sklearn, code: true, pickled: true}
}

func (pickle) recognises(f *file) (bool, error) {
	head, err := f.peek(0, headSize)
	return err == nil && isPickle(head), err
}

func (pickle) read(f *file) (Model, error) {
	return readPickle(f, newPickleReport())
}

// readPickle scans a file that is nothing but pickles.
func readPickle(f *file, report *pickleReport) (Model, error) {
	if err := f.notTar(); err != nil {
		return Model{}, err
	}
	scan := newPickleScan(newByteStream(f.section(0, f.size)), report)
	scan.arrays = true
	if err := scan.all(); err != nil {
		return Model{}, err
	}
	m := newModel(Pickle)
	if report.arrays > 0 {
		m.Format = Joblib
	}
	report.fill(&m)
	return m, nil
}

// textOnlyPickle reads pickles of protocols 0 and 1, which have no signature.
type textOnlyPickle struct{}

func (textOnlyPickle) about() about {
	a := pickle{}.about()
	a.unsigned = true
	return a
}

// recognises takes what begins with an opcode for a pickle; reading tells.
func (textOnlyPickle) recognises(f *file) (bool, error) {
	head, err := f.peek(0, headSize)
	if err != nil || len(head) < 2 || bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return false, err
	}
	return pickleOps[head[0]].run != nil, nil
}

// read refuses a file that may run something before it breaks off, whatever it is called: programs load files by pickle that are called otherwise.
func (textOnlyPickle) read(f *file) (Model, error) {
	report := newPickleReport()
	m, err := readPickle(f, report)
	if refusal, ok := errors.AsType[*Refusal](err); ok && report.runs() {
		detail := "this file begins like a Python pickle that can run code, and " + refusal.Detail
		return m, &Refusal{RunsCode, Pickle, detail}
	}
	return m, err
}
