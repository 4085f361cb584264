package formats

import (
	"encoding/binary"
	"regexp"
	"strconv"
	"strings"
)

// npz is what numpy.savez writes: an archive of arrays (numpy/lib/_npyio_impl.py).
var npz = zipFormat{
	known: about{format: NPZ, name: "an npz file", endings: []string{".npz"}, code: true},
	is: func(names zipNames) bool {
		for name := range names {
			if !strings.HasSuffix(name, ".npy") {
				return false
			}
		}
		return len(names) > 0
	},
	read: readNPZ,
}

// npyMagic is how an array begins: then its version, and the length of its header (numpy/lib/_format_impl.py).
const npyMagic = "\x93NUMPY"

// npyHeader is the header of an array: a dictionary of Python's with these keys in this order, as NumPy writes it.
var npyHeader = regexp.MustCompile(`^\{'descr': ('[^'\\]*'|\[.*\]|\(.*\)), 'fortran_order': (?:True|False), 'shape': \(([0-9, ]*)\), \} *\n$`)

// npyTypes are the dtypes of NumPy that have a name here.
var npyTypes = map[string]string{
	"b1": "BOOL", "i1": "INT8", "i2": "INT16", "i4": "INT32", "i8": "INT64", "u1": "UINT8", "u2": "UINT16", "u4": "UINT32", "u8": "UINT64",
	"f2": "FP16", "f4": "FP32", "f8": "FP64", "c8": "COMPLEX64", "c16": "COMPLEX128",
}

// npyObjects is a dtype of objects, alone or in a structure.
var npyObjects = regexp.MustCompile(`'[<>|=]?O[0-9]*'`)

func readNPZ(a *zipArchive) error {
	names := 0
	for i := range a.entries {
		e := &a.entries[i]
		head, err := a.begin(e)
		if err != nil {
			return err
		}
		info, objects, err := readNPYHeader(e, head)
		if err != nil {
			return inEntry(e, err)
		}
		if objects {
			a.found(e.name, "objects", "has objects, which are pickled", 0)
			continue
		}
		if elements := elementsOf(info.Shape); elements <= e.size { // those of no size are not counted
			a.model.Parameters += elements
		}
		if names += len(info.Name); len(a.model.Tensors) < maxTensors && names <= maxNames {
			a.model.Tensors = append(a.model.Tensors, info)
		}
	}
	return nil
}

// readNPYHeader reads how an array begins. It reports whether its elements are objects; of others it makes sure that they are all there.
func readNPYHeader(e *zipEntry, head []byte) (TensorInfo, bool, error) {
	if len(head) < 12 || string(head[:6]) != npyMagic || head[6] < 1 || head[6] > 3 {
		return TensorInfo{}, false, malformed(0, "is no array of NumPy")
	}
	begin, length := 10, int64(binary.LittleEndian.Uint16(head[8:]))
	if head[6] > 1 {
		begin, length = 12, int64(binary.LittleEndian.Uint32(head[8:]))
	}
	if length > int64(len(head)-begin) {
		return TensorInfo{}, false, malformed(8, "has a header of %d bytes; at most %d are allowed", length, headSize-12)
	}
	parts := npyHeader.FindSubmatch(head[begin : begin+int(length)])
	if parts == nil {
		return TensorInfo{}, false, malformed(int64(begin), "has a header that is not as NumPy writes it")
	}
	kind := string(parts[1])
	info := TensorInfo{Name: strings.TrimSuffix(e.name, ".npy"), Datatype: "BYTES", Shape: []int64{}}
	if npyObjects.MatchString(kind) {
		return info, true, nil
	}
	for text := range strings.SplitSeq(string(parts[2]), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || len(info.Shape) == maxRank {
			return TensorInfo{}, false, malformed(int64(begin), "has a shape that is none")
		}
		info.Shape = append(info.Shape, n)
	}
	size, known := npySize(kind)
	if name, ok := npyTypes[strings.Trim(kind, "'<>|=")]; ok {
		info.Datatype = name
	}
	total, err := bytesOf(int64(begin), info, element{bits: 8 * size})
	if err != nil {
		return TensorInfo{}, false, err
	}
	if known && total != e.size-int64(begin)-length {
		return TensorInfo{}, false, malformed(int64(begin), "has %d bytes, and its shape %v takes %d", e.size-int64(begin)-length, info.Shape, total)
	}
	return info, false, nil
}

// npySize returns how many bytes an element takes, and whether that is known: of structures it is not.
func npySize(kind string) (int64, bool) {
	code := strings.TrimLeft(strings.Trim(kind, "'"), "<>|=")
	if len(code) < 2 || !strings.Contains("biufcSUVmM", code[:1]) {
		return 1, false
	}
	digits, _, _ := strings.Cut(code[1:], "[")
	n, err := strconv.ParseInt(digits, 10, 20)
	if err != nil || n < 0 || n > 1<<20 {
		return 1, false
	}
	if code[0] == 'U' {
		n *= 4
	}
	return n, true
}
