package formats

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/17882237881/MaaS/api/ref"
)

// safetensors reads safetensors files: the length of a JSON header in eight bytes, little-endian, the header, and the tensors' bytes
// (github.com/huggingface/safetensors, Format).
type safetensors struct{}

const (
	headerLength = 8           // bytes of the header's length
	maxHeader    = 100_000_000 // bytes of the header (safetensors' MAX_HEADER_SIZE)
	maxHeld      = 1 << 19     // tensors of one file
	maxExtents   = 1 << 20     // of the tensors that are listed, together
)

func (safetensors) about() about {
	return about{format: Safetensors, name: "a safetensors file", endings: []string{".safetensors"}}
}

// recognises takes the length of a header that the file has or could have, and the beginning of a JSON object, for a signature.
func (safetensors) recognises(f *file) (bool, error) {
	head, err := f.peek(0, headerLength+2)
	if err != nil || len(head) < headerLength+2 || head[headerLength] != '{' ||
		!strings.ContainsRune("\"} \t\r\n", rune(head[headerLength+1])) { // numbers may begin so
		return false, err
	}
	length := binary.LittleEndian.Uint64(head)
	return length >= 2 && length <= uint64(max(maxHeader, f.size-headerLength)), nil
}

// safetensorsTypes are the dtypes of safetensors, with the names of other formats for them.
var safetensorsTypes = map[string]element{
	"BOOL": {"BOOL", 8, true}, "U8": {"UINT8", 8, true}, "I8": {"INT8", 8, true}, "U16": {"UINT16", 16, true}, "I16": {"INT16", 16, true},
	"U32": {"UINT32", 32, true}, "I32": {"INT32", 32, true}, "U64": {"UINT64", 64, true}, "I64": {"INT64", 64, true},
	"F16": {"FP16", 16, true}, "BF16": {"BF16", 16, false}, "F32": {"FP32", 32, true}, "F64": {"FP64", 64, true}, "C64": {"COMPLEX64", 64, false},
	"F8_E4M3": {"FLOAT8E4M3FN", 8, false}, "F8_E5M2": {"FLOAT8E5M2", 8, false}, "F8_E8M0": {"FLOAT8E8M0", 8, false},
	"F8_E4M3FNUZ": {"FLOAT8E4M3FNUZ", 8, false}, "F8_E5M2FNUZ": {"FLOAT8E5M2FNUZ", 8, false},
	"F4": {"FLOAT4E2M1", 4, false}, "F6_E2M3": {"FLOAT6E2M3", 6, false}, "F6_E3M2": {"FLOAT6E3M2", 6, false},
}

// extents is where a tensor's data lies behind the header.
type extents struct{ begin, end int64 }

// safetensorsHeader gathers what the header says.
type safetensorsHeader struct {
	*jsonReader
	model Model
	data  []extents
	names int // bytes of the tensors' names
	rank  int // extents of the tensors that are listed
}

func (safetensors) read(f *file) (Model, error) {
	head, err := f.peek(0, headerLength)
	if err != nil {
		return Model{}, err
	}
	length := signed(binary.LittleEndian.Uint64(head))
	switch {
	case length > maxHeader:
		return Model{}, tooComplex("has a header of %d bytes; at most %d are allowed", length, maxHeader)
	case length > f.size-headerLength:
		return Model{}, truncated(f.size, "its header ends", headerLength+length)
	}
	h := &safetensorsHeader{jsonReader: f.json(headerLength, headerLength+length), model: newModel(Safetensors)}
	if err := h.object(h.entry); err != nil {
		return Model{}, err
	}
	if err := h.end(); err != nil {
		return Model{}, err
	}
	return h.model, h.checkData(f.size-headerLength-length, headerLength+length)
}

// entry reads a member of the header: a tensor, or what is said of the file.
func (h *safetensorsHeader) entry(key string) error {
	if key == "__metadata__" {
		return h.object(func(string) error { return h.metadata() })
	}
	at := h.at()
	if err := checkName(key, at); err != nil {
		return err
	}
	if len(h.data) == maxHeld {
		return tooComplex("has more than %d tensors", maxHeld)
	}
	found, element, where, err := h.tensor(key)
	if err != nil {
		return err
	}
	size, err := bytesOf(at, found, element)
	switch {
	case err != nil:
		return err
	case found.Datatype == "", found.Shape == nil, where.begin < 0, where.end < where.begin:
		return malformed(at, "has the tensor %s without its dtype, its shape or its data_offsets", shorten(key))
	case elementsOf(found.Shape)*element.bits%8 != 0: // safetensors' MisalignedSlice
		return malformed(at, "has the tensor %s of %s, whose shape %v takes no whole number of bytes", shorten(key), found.Datatype, found.Shape)
	case where.end-where.begin != size:
		return malformed(at, "has %d bytes for the tensor %s, and its shape %v takes %d", where.end-where.begin, shorten(key), found.Shape, size)
	}
	h.data = append(h.data, where)
	h.model.Parameters += elementsOf(found.Shape)
	return h.list(found)
}

// tensor reads the object of the tensor with the name. Of members that are missing it returns "", nil and negative offsets.
func (h *safetensorsHeader) tensor(name string) (found TensorInfo, of element, where extents, err error) {
	found, where = TensorInfo{Name: name}, extents{-1, -1}
	err = h.object(func(member string) (err error) {
		switch member {
		case "dtype":
			of, err = h.dtype()
			found.Datatype = of.name
		case "shape":
			found.Shape, err = h.numbers(maxRank)
		case "data_offsets":
			var bounds []int64
			if bounds, err = h.numbers(2); len(bounds) == 2 {
				where = extents{bounds[0], bounds[1]}
			}
		default:
			return malformed(h.at(), "has the key %s in the tensor %s; dtype, shape and data_offsets are known", shorten(member), shorten(name))
		}
		return err
	})
	return found, of, where, err
}

// list adds a tensor to those that are listed, if there are not too many.
func (h *safetensorsHeader) list(found TensorInfo) error {
	if len(h.model.Tensors) == maxTensors {
		return nil
	}
	h.names += len(found.Name)
	h.rank += len(found.Shape)
	if h.names > maxNames || h.rank > maxExtents {
		return tooComplex("has more than %d bytes of names of tensors, or more than %d extents", maxNames, maxExtents)
	}
	h.model.Tensors = append(h.model.Tensors, found)
	return nil
}

// metadata reads what is said of the file: texts, of which nothing is kept.
func (h *safetensorsHeader) metadata() error {
	at := h.at()
	token, err := h.token()
	if _, ok := token.(string); err == nil && !ok {
		return malformed(at, "has %s in its __metadata__, where a text has to be", shown(token))
	}
	return err
}

func (h *safetensorsHeader) dtype() (element, error) {
	at := h.at()
	name, err := h.text()
	if err != nil {
		return element{}, err
	}
	known, ok := safetensorsTypes[name]
	if !ok {
		return element{}, malformed(at, "has the dtype %s, which is not known", shorten(name))
	}
	return known, nil
}

// checkData makes sure that the tensors fill the size bytes behind the header, one after the other: bytes of none could hold anything, and
// bytes of two would be of two types.
func (h *safetensorsHeader) checkData(size, begins int64) error {
	slices.SortFunc(h.data, func(a, b extents) int { return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end)) })
	at := int64(0)
	for _, next := range h.data {
		switch {
		case next.end > size:
			return truncated(begins+size, "a tensor's data ends", begins+next.end)
		case next.begin < at:
			return malformed(begins+next.begin, "has the data of a tensor, which the data of another overlaps")
		case next.begin > at:
			return malformed(begins+at, "has %d bytes that belong to no tensor", next.begin-at)
		}
		at = next.end
	}
	if at < size {
		return malformed(begins+at, "has %d bytes that belong to no tensor", size-at)
	}
	return nil
}

// safetensorsIndex reads model.safetensors.index.json, which says in which of several files each tensor is.
type safetensorsIndex struct{}

func (safetensorsIndex) about() about {
	return about{format: SafetensorsIndex, name: "an index of safetensors files", endings: []string{}}
}

// recognises takes any JSON object for one, and space that one may follow; read tells whether it is.
func (safetensorsIndex) recognises(f *file) (bool, error) {
	head, err := f.peek(0, headSize)
	text := strings.TrimLeft(string(head), " \t\r\n")
	return text == "" || text[0] == '{', err
}

// read fails with errOther if the object has no weight map, wherever in it that may be.
func (safetensorsIndex) read(f *file) (Model, error) {
	switch found, err := f.hasKey("weight_map"); {
	case err != nil:
		return Model{}, err
	case !found:
		return Model{}, errOther
	case f.size > maxHeader:
		return Model{}, tooComplex("has %d bytes; at most %d are allowed", f.size, maxHeader)
	}
	r, m := f.json(0, f.size), newModel(SafetensorsIndex)
	shards := map[ref.Path]int{}
	err := r.object(func(key string) error {
		if key != "weight_map" {
			return r.skip()
		}
		return r.object(func(tensor string) error {
			name, err := r.text()
			if err != nil {
				return err
			}
			path, err := ref.ParsePath(name)
			if err != nil || !strings.HasSuffix(name, ".safetensors") {
				return &Refusal{UnsafeReference, SafetensorsIndex, "the tensor " + shorten(tensor) + " is in " + shorten(name) +
					", which is not a safetensors file beside the index"}
			}
			if shards[path]++; len(shards) > maxExternal {
				return tooComplex("names more than %d files", maxExternal)
			}
			return nil
		})
	})
	if err != nil {
		return Model{}, err
	}
	for path, tensors := range shards {
		m.External = append(m.External, ExternalFile{Path: path, Size: 1, Tensors: tensors})
	}
	m.sortExternal()
	if len(m.External) == 0 {
		return Model{}, malformed(f.size, "ends without a weight map that names a file")
	}
	return m, r.end()
}
