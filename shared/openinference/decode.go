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

// DecodeRequest decodes the body of an inference request, of which the first header bytes are JSON and the rest is binary data. Binary tensors
// keep slices of body. It fails with Invalid.
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

// DecodeResponse decodes the body of an inference response, of which the first header bytes are JSON and the rest is binary data. Binary
// tensors keep slices of body. It fails with Invalid.
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

// finish sets the tensors' data from the JSON or from rest, the binary data behind it. It fails with Invalid if data is missing, wrong or left
// over.
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

// finish sets the tensor's data from text, its JSON, or from the front of binary, and returns what is left of binary. It fails with Invalid if
// the data is missing, given both ways, or wrong.
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

// cut sets the tensor's data to the first size bytes of binary, without a copy, and returns the rest. It fails with Invalid if size is no
// int64, binary is shorter, or the data is wrong.
func (t *Tensor) cut(size any, binary []byte) (rest []byte, err error) {
	n, ok := size.(int64)
	if !ok || n < 0 || n > int64(len(binary)) {
		return nil, t.invalid("parameters."+paramBinaryDataSize, fmt.Sprintf("is %v: %d bytes of binary data are left for it", size, len(binary)))
	}
	t.Data, t.Binary = binary[:n:n], true
	return binary[n:], t.Check()
}

// optional reads a string, or null, for which it returns "".
func (d *decoder) optional() (string, error) {
	if d.word("null") {
		return "", nil
	}
	return d.string()
}

// tensors reads an array of maxTensors tensors at most, or null, for which it returns nil. It keeps the texts of their data for finish.
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

// tensor reads one tensor. It returns its data as text, not decoded, and nil if it has none. It fails with Invalid if its name, datatype or
// shape is missing or wrong.
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

// shape reads an array of MaxRank whole numbers at most, or null, for which it returns nil. Negative numbers are not refused here.
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

// requestedOutputs reads an array of maxTensors requested outputs at most, or null, for which it returns nil.
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

// parameters reads an object of parameters, or null. Members that are null are left out. The result is never nil.
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

// parameter reads a string, a boolean or a number: as int64, else as uint64, else as float64. It fails with Invalid for anything else.
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

// unknown returns the Invalid error for a member that the protocol does not have. known says which there are.
func unknown(key, known string) error {
	return fault.New(fault.Invalid, quoted(key)+" is unknown here: "+known, fault.Field(key))
}
