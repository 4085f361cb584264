package formats

import "bytes"

// pickle reads Python's pickles of protocols 2 to 5, and of protocols 0 and 1 where they begin by calling something. Nothing is unpickled: the
// opcodes are walked to the end of the file, and what they import is found. Pickles between whose opcodes joblib wrote arrays are Joblib.
type pickle struct{}

func (pickle) about() about {
	return about{format: Pickle, name: "a Python pickle", endings: []string{".pkl", ".pickle", ".joblib", ".pt", ".pth"}, code: true}
}

// torchBeforeZip is how PyTorch's files began before version 1.6: protocol 2 and a number of ten bytes (torch/serialization.py, MAGIC_NUMBER).
const torchBeforeZip = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

func (pickle) recognises(f *file) (bool, error) {
	head, err := f.peek(0, headSize)
	return err == nil && isPickle(head), err
}

func (pickle) read(f *file) (Model, error) {
	head, err := f.peek(0, headSize)
	if err != nil {
		return Model{}, err
	}
	if bytes.HasPrefix(head, []byte(torchBeforeZip)) {
		return Model{}, &Refusal{UnsupportedFormat, Pickle, "this is a PyTorch file as versions before 1.6 wrote it: load it and save it anew, best as safetensors"}
	}
	report := newPickleReport()
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
type textOnlyPickle struct{ pickle }

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
