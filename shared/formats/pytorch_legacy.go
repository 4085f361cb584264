package formats

// torchBeforeZip is how PyTorch's files began before version 1.6: protocol 2, a number of ten bytes and STOP (torch/serialization.py,
// MAGIC_NUMBER).
const torchBeforeZip = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

// torchProtocol is the pickle that follows: the version 1001 (PROTOCOL_VERSION).
const torchProtocol = "\x80\x02M\xe9\x03."

// torchPickles are the pickles in such a file: the number, the version, facts of the machine, the object, and the storages' keys
// (_legacy_load). The storages follow, each with its number of elements in eight bytes.
const torchPickles = 5

// maxTorchStorages bounds the storages of one file.
const maxTorchStorages = 1 << 16

// torchLegacy reads what torch.save wrote before version 1.6.
type torchLegacy struct{}

func (torchLegacy) about() about { return pyTorch.known }

func (torchLegacy) recognises(f *file) (bool, error) {
	head, err := f.peek(0, len(torchBeforeZip))
	return err == nil && string(head) == torchBeforeZip, err
}

func (torchLegacy) read(f *file) (Model, error) {
	if err := f.notTar(); err != nil {
		return Model{}, err
	}
	head, err := f.peek(0, len(torchBeforeZip)+len(torchProtocol))
	if err != nil {
		return Model{}, err
	}
	if string(head) != torchBeforeZip+torchProtocol {
		return Model{}, malformed(int64(len(torchBeforeZip)), "has another version than 1001, which PyTorch does not read")
	}
	report := newPickleReport()
	report.storages = map[string]int64{}
	scan := newPickleScan(newByteStream(f.section(0, f.size)), report)
	scan.storages = true
	for i := range torchPickles {
		if i > 0 {
			scan.again()
		}
		if err := scan.one(); err != nil {
			return Model{}, err
		}
	}
	begin, size := scan.in.at, int64(0)
	for _, n := range report.storages {
		if n < 0 || n > f.size-size {
			return Model{}, truncated(f.size, "the storages of its tensors begin", begin)
		}
		size += 8 + n
	}
	if size != f.size-begin {
		return Model{}, malformed(begin, "has %d bytes for the storages of its tensors, which take %d", f.size-begin, size)
	}
	if head, err = f.peek(begin, headSize); err != nil {
		return Model{}, err
	}
	if isPickle(head) { // a program that loads pickles to the end of the file would load it
		report.find("import", "has a pickle where its storages have to be", begin, true)
	}
	m := newModel(PyTorch)
	report.fill(&m)
	return m, nil
}

// torchSizes are the bytes of an element of each datatype of storages.
var torchSizes = map[string]int64{
	"FP64": 8, "FP32": 4, "FP16": 2, "BF16": 2, "INT64": 8, "INT32": 4, "INT16": 2, "INT8": 1, "UINT8": 1, "BOOL": 1, "COMPLEX128": 16, "COMPLEX64": 8,
	"QUINT8": 1, "QINT8": 1, "QINT32": 4,
}

// stored takes note of how many bytes a storage has, by the persistent id that torchStorage accepts; -1 where that cannot be known.
func (r *pickleReport) stored(id pickleTuple, datatype string) error {
	if r.storages == nil {
		return nil
	}
	key, ok := id[2].(string)
	n, counted := id[4].(int64)
	size := int64(-1)
	if ok && counted && n >= 0 && n < 1<<50 {
		size = n * torchSizes[datatype]
	}
	if before, again := r.storages[key]; again && before != size {
		size = -1
	}
	if r.storages[key] = size; len(r.storages) > maxTorchStorages {
		return tooComplex("has more than %d storages", maxTorchStorages)
	}
	return nil
}
