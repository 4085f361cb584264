package formats

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// numpy reads files of one NumPy array (.npy): a signature, a version, the length of a header, the header, which is a dictionary as Python writes it,
// and the elements (numpy/lib/_format_impl.py). The elements of an array of objects are a Python pickle.
type numpy struct{}

const (
	numpyMagic     = "\x93NUMPY"
	numpyMaxHeader = windowSize - 12 // bytes; NumPy itself reads 10,000 unless it is told that the file is trusted (_MAX_HEADER_SIZE)
	numpyMaxRank   = 64              // NumPy's NPY_MAXDIMS
	numpyMaxItem   = 1 << 31         // bytes of an element: more than C's int, in which NumPy has it
)

func (numpy) about() about {
	return about{format: NumPy, name: "a NumPy array", endings: []string{".npy"}, asset: true, pickled: true}
}

func (numpy) recognises(f *file) (bool, error) {
	head, err := f.peek(0, len(numpyMagic))
	return string(head) == numpyMagic, err
}

// numpyHeader is what the header says.
type numpyHeader struct {
	datatype string
	item     int64 // bytes of an element
	objects  bool  // there are Python objects in the elements
	shape    []int64
}

func (numpy) read(f *file) (Model, error) {
	head, err := f.peek(0, windowSize)
	if err != nil {
		return Model{}, err
	}
	return readNumPy(head, f.size)
}

// readNumPy reads a file of size bytes that begins with head, which has its header.
func readNumPy(head []byte, size int64) (Model, error) {
	begin, end, err := numpyBounds(head, size)
	if err != nil {
		return Model{}, err
	}
	parser := &pythonParser{text: head[begin:end], from: begin}
	members, err := parser.dictionary()
	if err != nil {
		return Model{}, err
	}
	h, err := numpyHeaderOf(members, begin)
	if err != nil {
		return Model{}, err
	}
	m := newModel(NumPy)
	m.Tensors = append(m.Tensors, TensorInfo{Datatype: h.datatype, Shape: h.shape})
	if _, err := bytesOf(begin, m.Tensors[0], element{}); err != nil { // the shape alone
		return Model{}, err
	}
	m.Parameters = elementsOf(h.shape)
	switch have := size - end; {
	case h.objects:
		m.Findings = append(m.Findings, Finding{
			Code: "pickle", Unsafe: true, Offset: end, Detail: "the elements are Python objects: loading them with allow_pickle=True can run code",
		})
	case h.item > 0 && m.Parameters > math.MaxInt64/h.item:
		return Model{}, malformed(begin, "has the shape %v of elements of %d bytes", h.shape, h.item)
	case have < m.Parameters*h.item:
		return Model{}, truncated(size, fmt.Sprintf("an array of %d bytes begins", m.Parameters*h.item), end)
	case have > m.Parameters*h.item:
		return Model{}, malformed(end+m.Parameters*h.item, "has %d bytes that do not belong to the array", have-m.Parameters*h.item)
	}
	return m, nil
}

// numpyBounds returns where the header begins and ends.
func numpyBounds(head []byte, size int64) (begin, end int64, err error) {
	if len(head) < 10 {
		return 0, 0, truncated(size, "its head ends", 10)
	}
	var length uint32
	switch major, minor := head[6], head[7]; {
	case major == 1 && minor == 0:
		begin, length = 10, uint32(binary.LittleEndian.Uint16(head[8:]))
	case (major == 2 || major == 3) && minor == 0:
		if len(head) < 12 {
			return 0, 0, truncated(size, "its head ends", 12)
		}
		begin, length = 12, binary.LittleEndian.Uint32(head[8:])
	default:
		return 0, 0, malformed(6, "has version %d.%d of the format; 1.0, 2.0 and 3.0 are known", major, minor)
	}
	end = begin + int64(length)
	switch {
	case length > numpyMaxHeader:
		return 0, 0, tooComplex("has a header of %d bytes; at most %d are allowed", length, numpyMaxHeader)
	case end > size:
		return 0, 0, truncated(size, "its header ends", end)
	case end > int64(len(head)):
		return 0, 0, tooComplex("has a header of %d bytes; at most %d are allowed here", length, int64(len(head))-begin)
	}
	return begin, end, nil
}

// numpyHeaderOf reads the members of the header, which are these three and no others.
func numpyHeaderOf(members map[string]any, at int64) (numpyHeader, error) {
	descr, ok := members["descr"]
	_, ordered := members["fortran_order"].(bool)
	shape, shaped := members["shape"].(pythonTuple)
	if !ok || !ordered || !shaped || len(members) != 3 {
		return numpyHeader{}, malformed(at, "has a header that does not consist of descr, fortran_order and shape")
	}
	var h numpyHeader
	extents, ok := numpyShape(shape)
	if !ok {
		return numpyHeader{}, malformed(at, "has the shape %v; it has up to %d numbers from 0 on", []any(shape), numpyMaxRank)
	}
	h.shape = extents
	err := h.dtype(descr, at)
	return h, err
}

// numpyShape returns the extents of a shape; ok is false if it is none.
func numpyShape(shape pythonTuple) (extents []int64, ok bool) {
	extents = []int64{}
	for _, value := range shape {
		n, isInteger := value.(int64)
		if !isInteger || n < 0 || len(extents) == numpyMaxRank {
			return nil, false
		}
		extents = append(extents, n)
	}
	return extents, true
}

// dtype reads a type of elements: a text, or a list of the fields of a record.
func (h *numpyHeader) dtype(descr any, at int64) error {
	switch descr := descr.(type) {
	case string:
		return h.simple(descr, at)
	case pythonList:
		h.datatype = "RECORD"
		for _, field := range descr {
			if err := h.field(field, at); err != nil {
				return err
			}
		}
		if len(descr) > 0 {
			return nil
		}
	}
	return malformed(at, "has a descr that is no type of elements")
}

// field adds the field of a record: its name, or a title and a name, its type, and maybe a shape.
func (h *numpyHeader) field(field any, at int64) error {
	parts, _ := field.(pythonTuple)
	if len(parts) != 2 && len(parts) != 3 {
		return malformed(at, "has a descr with a field that does not consist of a name, a type and maybe a shape")
	}
	var inner numpyHeader
	if err := inner.dtype(parts[1], at); err != nil {
		return err
	}
	if len(parts) == 3 {
		shape, _ := parts[2].(pythonTuple)
		extents, ok := numpyShape(shape)
		if _, err := bytesOf(at, TensorInfo{Shape: extents}, element{}); err != nil || !ok || len(extents) == 0 {
			return malformed(at, "has a descr with a field whose shape is none")
		}
		if inner.item > 0 && elementsOf(extents) > numpyMaxItem/inner.item {
			return malformed(at, "has elements of more than %d bytes", numpyMaxItem)
		}
		inner.item *= elementsOf(extents)
	}
	h.objects = h.objects || inner.objects
	if h.item += inner.item; h.item > numpyMaxItem {
		return malformed(at, "has elements of more than %d bytes", numpyMaxItem)
	}
	return nil
}

// numpyType is a type as NumPy writes it: the order of bytes, a kind, a size, and the unit of times.
var numpyType = regexp.MustCompile(`^([<>|=])([?biufcSaUVMmO])([0-9]{0,10})(\[[0-9]{0,10}[a-zA-Zμ]{1,7}\])?$`)

// numpyKinds are the datatypes of kinds and sizes, where the protocol or other formats have a name for them.
var numpyKinds = map[string]string{
	"b1": "BOOL", "i1": "INT8", "i2": "INT16", "i4": "INT32", "i8": "INT64", "u1": "UINT8", "u2": "UINT16", "u4": "UINT32", "u8": "UINT64",
	"f2": "FP16", "f4": "FP32", "f8": "FP64", "f12": "FP96", "f16": "FP128", "c8": "COMPLEX64", "c16": "COMPLEX128", "c24": "COMPLEX192",
	"c32": "COMPLEX256", "?1": "BOOL", "M8": "DATETIME64", "m8": "TIMEDELTA64",
}

// simple reads a type that is written as one text. Others that NumPy would take are refused, as it writes none of them: 'i4,O' is a record.
func (h *numpyHeader) simple(text string, at int64) error {
	parts := numpyType.FindStringSubmatch(text)
	if parts == nil {
		return malformed(at, "has the descr %s, which is no type that NumPy writes", shorten(text))
	}
	kind := parts[2]
	size, err := strconv.ParseInt(parts[3], 10, 64)
	if err != nil {
		size = 0
	}
	switch known := numpyKinds[kind+parts[3]]; {
	case kind == "O":
		h.datatype, h.item, h.objects = "OBJECT", 8, true
		return nil
	case known != "":
		h.datatype, h.item = known, size
	case kind == "U" && err == nil:
		h.datatype, h.item = "TEXT", 4*size
	case (kind == "S" || kind == "a") && err == nil:
		h.datatype, h.item = "BYTES", size
	case kind == "V" && err == nil:
		h.datatype, h.item = "VOID", size
	default:
		return malformed(at, "has the descr %s, which is no type that NumPy writes", shorten(text))
	}
	if h.item > numpyMaxItem {
		return malformed(at, "has elements of more than %d bytes", numpyMaxItem)
	}
	return nil
}
