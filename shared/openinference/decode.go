package openinference

import (
	"fmt"
	"strconv"

	"github.com/17882237881/MaaS/api/fault"
)

// HeaderLength is the name of the HTTP header that says how many bytes of a body are JSON; the tensors' binary data follow them.
const HeaderLength = "Inference-Header-Content-Length"

// ParseHeaderLength parses the value of the header HeaderLength: the number of bytes of JSON at the front of a body of
// size bytes. An empty value means that all of the body is JSON. It fails with Invalid for anything but a number from 1
// to size.
func ParseHeaderLength(value string, size int) (int, error) {
	if value == "" {
		return size, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > size {
		return 0, fault.New(fault.Invalid,
			fmt.Sprintf("%s is %s: it is a number from 1 to the body's length, %d", HeaderLength, quoted(value), size), fault.Field(HeaderLength))
	}
	return n, nil
}

// DecodeRequest reads the body of an inference request, of which the first header bytes are JSON. Binary tensors keep slices of body.
func DecodeRequest(body []byte, header int) (*Request, error) {
	r := &Request{}
	d := decoder{scanner: scanner{text: body[:header]}}
	err := d.object(func(key string) (err error) {
		switch key {
		case "id":
			r.ID, err = d.optional()
		case "parameters":
			r.Parameters, err = d.parameters()
		case "inputs":
			r.Inputs, err = d.tensors()
		case "outputs":
			r.Outputs, err = d.requestedOutputs()
		default:
			return unknown(key, "a request has id, parameters, inputs and outputs")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, d.finish(r.Inputs, body[header:])
}

const responseMembers = "a response has model_name, model_version, id, parameters and outputs"

// DecodeResponse reads the body of an inference response, of which the first header bytes are JSON. Binary tensors keep slices of body.
func DecodeResponse(body []byte, header int) (*Response, error) {
	r := &Response{}
	d := decoder{scanner: scanner{text: body[:header]}}
	err := d.object(func(key string) (err error) {
		switch key {
		case "model_name":
			r.Model, err = d.optional()
		case "model_version":
			r.Version, err = d.optional()
		case "id":
			r.ID, err = d.optional()
		case "parameters":
			r.Parameters, err = d.parameters()
		case "outputs":
			r.Outputs, err = d.tensors()
		default:
			return unknown(key, responseMembers)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, d.finish(r.Outputs, body[header:])
}

// decoder reads the JSON of a message. A tensor's data may stand before its shape and datatype, so that it is kept as text until the end. A member that is
// null is missing, as clients write those that they leave out.
type decoder struct {
	scanner

	texts [][]byte // by tensor: the text of its data, nil if it has none
}

// finish reads the tensors' data: their texts, and the binary data behind the JSON.
func (d *decoder) finish(tensors []Tensor, rest []byte) error {
	if err := d.end(); err != nil {
		return err
	}
	for i := range tensors {
		var err error
		if rest, err = tensors[i].finish(d.texts[i], rest); err != nil {
			return err
		}
	}
	if len(rest) > 0 {
		return fault.New(fault.Invalid, fmt.Sprintf("%d bytes follow the last tensor's binary data", len(rest)), fault.Field(HeaderLength))
	}
	return nil
}

func (t *Tensor) finish(text, binary []byte) (rest []byte, err error) {
	size, isBinary := t.Parameters[paramBinaryDataSize]
	switch {
	case isBinary && text != nil:
		return nil, t.invalid("data", "is given both as JSON and as binary data")
	case isBinary:
		delete(t.Parameters, paramBinaryDataSize)
		return t.cut(size, binary)
	case text == nil:
		return nil, t.invalid("data", "is missing")
	default:
		return binary, t.readData(text)
	}
}

// cut takes the tensor's data off the front of the binary data.
func (t *Tensor) cut(size any, binary []byte) (rest []byte, err error) {
	n, ok := size.(int64)
	if !ok || n < 0 || n > int64(len(binary)) {
		return nil, t.invalid("parameters."+paramBinaryDataSize, fmt.Sprintf("is %v: %d bytes of binary data are left for it", size, len(binary)))
	}
	t.Data, t.Binary = binary[:n:n], true
	return binary[n:], t.Check()
}

// optional reads a string or null, for which it returns "".
func (d *decoder) optional() (string, error) {
	if d.word("null") {
		return "", nil
	}
	return d.string()
}

func (d *decoder) tensors() (tensors []Tensor, err error) {
	if d.word("null") {
		return nil, nil
	}
	err = d.array(maxTensors, func() error {
		t, text, err := d.tensor()
		tensors, d.texts = append(tensors, t), append(d.texts, text)
		return err
	})
	return tensors, err
}

func (d *decoder) tensor() (t Tensor, text []byte, err error) {
	err = d.object(func(key string) (err error) {
		switch key {
		case "name":
			t.Name, err = d.optional()
		case "datatype":
			var name string
			name, err = d.optional()
			t.Datatype = Datatype(name)
		case "shape":
			t.Shape, err = d.shape()
		case "parameters":
			t.Parameters, err = d.parameters()
		case "data":
			if !d.word("null") {
				text, err = d.skipArray()
			}
		default:
			return unknown(key, "a tensor has name, datatype, shape, parameters and data")
		}
		return err
	})
	if err != nil {
		return t, nil, err
	}
	if t.Shape == nil {
		err = t.invalid("shape", "is missing")
	} else {
		err = t.checkHead()
	}
	return t, text, err
}

func (d *decoder) shape() ([]int64, error) {
	if d.word("null") {
		return nil, nil
	}
	shape := make([]int64, 0, 4)
	err := d.array(MaxRank, func() error {
		n, err := strconv.ParseInt(string(d.number()), 10, 64)
		if err != nil {
			return d.expected("a whole number")
		}
		shape = append(shape, n)
		return nil
	})
	return shape, err
}

func (d *decoder) requestedOutputs() (outputs []RequestedOutput, err error) {
	if d.word("null") {
		return nil, nil
	}
	err = d.array(maxTensors, func() error {
		var o RequestedOutput
		err := d.object(func(key string) (err error) {
			switch key {
			case "name":
				o.Name, err = d.optional()
			case "parameters":
				o.Parameters, err = d.parameters()
			default:
				return unknown(key, "a requested output has name and parameters")
			}
			return err
		})
		if err != nil {
			return err
		}
		outputs = append(outputs, o)
		return checkName(o.Name)
	})
	return outputs, err
}

func (d *decoder) parameters() (Parameters, error) {
	values := Parameters{}
	if d.word("null") {
		return values, nil
	}
	err := d.object(func(key string) (err error) {
		if d.word("null") {
			return nil
		}
		values[key], err = d.parameter()
		return err
	})
	return values, err
}

func (d *decoder) parameter() (any, error) {
	switch c := d.next(); {
	case c == '"':
		return d.string()
	case d.word("true"):
		return true, nil
	case d.word("false"):
		return false, nil
	}
	text := string(d.number())
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return v, nil
	}
	if v, err := strconv.ParseUint(text, 10, 64); err == nil {
		return v, nil
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return v, nil
	}
	return nil, d.expected("a string, a number, true or false")
}

func unknown(key, known string) error {
	return fault.New(fault.Invalid, quoted(key)+" is unknown here: "+known, fault.Field(key))
}
