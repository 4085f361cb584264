package formats

import (
	"fmt"

	"github.com/17882237881/MaaS/api/ref"
)

// tflite reads TensorFlow Lite models: flatbuffers of tensorflow/lite/schema/schema.fbs (github.com/google-ai-edge/LiteRT), of which the numbers of fields
// here are. A model's own programs are none; operators that TensorFlow Lite does not have are findings.
type tflite struct{}

// The bounds of a TensorFlow Lite model.
const (
	tfliteVersion      = 3       // of the schema, the only one that is in use (version.h, TFLITE_SCHEMA_VERSION)
	tfliteMaxSubgraphs = 1 << 10 //
	tfliteMaxBuffers   = 1 << 18
	tfliteMaxTensors   = 1 << 18 // of a subgraph
)

func (tflite) about() about {
	return about{format: TFLite, name: "a TensorFlow Lite model", endings: []string{".tflite"}}
}

func (tflite) recognises(f *file) (bool, error) {
	head, err := f.peek(0, 8)
	return len(head) == 8 && string(head[4:]) == "TFL3", err
}

// tfliteReading gathers what is found on the way through a model.
type tfliteReading struct {
	*flatReader
	root      flatTable
	model     Model
	codes     []Operator        // what operators call, by its number
	buffers   []int64           // the bytes of each
	counted   []bool            // the buffers of which the elements are counted
	tensors   []int             // how many each subgraph has
	external  map[uint64]string // the files of external buffers, by the buffers' numbers
	names     int               // bytes of the tensors' names
	operators map[Operator]int
}

func (tflite) read(f *file) (Model, error) {
	r := &tfliteReading{flatReader: newFlatReader(f), model: newModel(TFLite), external: map[uint64]string{}, operators: map[Operator]int{}}
	at, err := r.follow(0)
	if err != nil {
		return Model{}, err
	}
	if r.root, err = r.table(at); err != nil {
		return Model{}, err
	}
	for _, step := range []func() error{r.head, r.readCodes, r.readBuffers, r.readExternal, r.readSubgraphs, r.readDescriptions} {
		if err := step(); err != nil {
			return Model{}, err
		}
	}
	r.finish()
	return r.model, nil
}

// head reads the version and who wrote the model.
func (r *tfliteReading) head() error {
	version, err := r.root.uint(0, 4, 0)
	if err != nil {
		return err
	}
	if version != tfliteVersion {
		return malformed(r.root.at, "has version %d of the schema; only %d is in use", version, tfliteVersion)
	}
	m, err := r.root.text(3) // description: free text
	if err != nil || m.end-m.pos > maxName {
		return err
	}
	b, err := r.peek(m.pos, int(m.end-m.pos))
	if err == nil && checkName(string(b), m.pos) == nil {
		r.model.Producer = string(b) // "MLIR Converted."
	}
	return err
}

// readCodes reads the operators that the model uses. A number below 127 is in a field of its own, since older models have that one only.
func (r *tfliteReading) readCodes() error {
	const most = 127 // PLACEHOLDER_FOR_GREATER_OP_CODES
	return r.root.each(1, func(_ int64, t flatTable) error {
		if len(r.codes) == maxKinds {
			return tooComplex("has more than %d different operators", maxKinds)
		}
		old, err := t.uint(0, 1, 0)
		if err != nil {
			return err
		}
		code, err := t.int(3, 0)
		if err != nil {
			return err
		}
		code = max(code, int64(int8(old))) //nolint:gosec // a signed byte; schema_utils.cc, GetBuiltinCode
		custom, err := t.name(1)
		switch {
		case err != nil:
			return err
		case code < 0 || code == most || code >= int64(len(tfliteOperators)):
			return malformed(t.at, "has the operator %d, which is not known", code)
		case code == tfliteCustom && custom == "":
			return malformed(t.at, "has a custom operator without a name")
		case code == tfliteCustom:
			r.codes = append(r.codes, Operator{Domain: "custom", Type: custom})
		default:
			r.codes = append(r.codes, Operator{Type: tfliteOperators[code]})
		}
		return nil
	})
}

// readBuffers reads where the tensors' data lies: in the flatbuffer, or behind it.
func (r *tfliteReading) readBuffers() error {
	err := r.root.each(4, func(_ int64, t flatTable) error {
		if len(r.buffers) == tfliteMaxBuffers {
			return tooComplex("has more than %d buffers", tfliteMaxBuffers)
		}
		data, err := t.vector(0, 1)
		if err != nil {
			return err
		}
		size, err := r.behind(t, 1)
		if size > 0 && data.count > 0 {
			return malformed(t.at, "has a buffer with data in two places")
		}
		r.buffers = append(r.buffers, max(data.count, size))
		return err
	})
	r.counted = make([]bool, len(r.buffers))
	return err
}

// behind reads the offset and the size of data behind the flatbuffer, from a slot on; 0 if there is none. An offset of 1 is none, too.
func (r *tfliteReading) behind(t flatTable, slot int) (int64, error) {
	offset, err := t.uint(slot, 8, 0)
	if err != nil {
		return 0, err
	}
	size, err := t.uint(slot+1, 8, 0)
	switch {
	case err != nil || offset <= 1:
		return 0, err
	case offset > uint64(r.size) || size > uint64(r.size)-offset: //nolint:gosec // not negative
		return 0, truncated(r.size, fmt.Sprintf("data of %d bytes begins", size), t.at)
	}
	return signed(size), nil
}

// readExternal reads which data lies in other files.
func (r *tfliteReading) readExternal() error {
	var groups []string
	err := r.root.each(8, func(_ int64, t flatTable) error {
		if len(groups) == maxExternal {
			return tooComplex("names more than %d files", maxExternal)
		}
		name, err := t.name(0)
		groups = append(groups, name)
		return err
	})
	if err != nil {
		return err
	}
	files := map[ref.Path]ExternalFile{}
	err = r.root.each(9, func(_ int64, t flatTable) error { return r.externalBuffer(t, groups, files) })
	for _, file := range files {
		r.model.External = append(r.model.External, file)
	}
	r.model.sortExternal()
	return err
}

// externalBuffer reads a part of another file.
func (r *tfliteReading) externalBuffer(t flatTable, groups []string, files map[ref.Path]ExternalFile) error {
	var numbers [4]uint64 // id, group, offset, length
	for slot, width := range []int64{4, 4, 8, 8} {
		n, err := t.uint(slot, width, 0)
		if err != nil {
			return err
		}
		numbers[slot] = n
	}
	id, group, offset, length := numbers[0], numbers[1], numbers[2], numbers[3]
	const most = 1 << 62 // bytes of a file
	switch {
	case group >= uint64(len(groups)):
		return malformed(t.at, "has data in file %d of %d", group, len(groups))
	case offset > most || length > most:
		return malformed(t.at, "has %d bytes of data at %d of another file, beyond the end of any", length, offset)
	case r.external[id] != "":
		return malformed(t.at, "has the external buffer %d twice", id)
	case len(r.external) == tfliteMaxBuffers:
		return tooComplex("has more than %d external buffers", tfliteMaxBuffers)
	}
	path, err := ref.ParsePath(groups[group])
	if err != nil {
		return &Refusal{UnsafeReference, TFLite, "data of the model is in " + shorten(groups[group]) + ", which is not a file beside it"}
	}
	r.external[id] = groups[group]
	known := files[path]
	files[path] = ExternalFile{Path: path, Size: max(known.Size, signed(offset+length)), Tensors: known.Tensors + 1}
	return nil
}

// finish orders what was gathered, and adds a finding for each operator that TensorFlow Lite does not bring.
func (r *tfliteReading) finish() {
	m := &r.model
	m.setOperators(r.operators)
	for _, operator := range m.Operators {
		if operator.Domain != "" {
			m.Findings = append(m.Findings, Finding{
				Code: "custom_operator", Detail: fmt.Sprintf("the operator %s is none of TensorFlow Lite's own", shorten(operator.Type)),
			})
		}
	}
}
