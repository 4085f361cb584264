package openinference

import (
	"bytes"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/17882237881/MaaS/api/fault"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

// Costs in bytes of what is decoded, above those of the structures that Go's protobuf and encoding packages make today.
const (
	baseCost      = 16 << 10 // what allocations are rounded up to
	messageCost   = 512      // a message, with its place in a list or a map
	elementCost   = 144      // a slice or string in a list, which grows
	growth        = 6        // of what a list takes while it grows, garbage included, to what it holds
	parameterCost = 128      // a parameter of JSON: its key, its value and its place in a map
	widest        = 8        // bytes of an element
	numberCost    = 4        // bytes of the widest element, eight, to those of the shortest in JSON, two
)

// maxPieces bounds the pieces of a message's packed lists, above one for each list: protobuf copies a list for each of its pieces.
const maxPieces = 16

// Cost is what decoding a message takes of memory, beside the bytes that are decoded.
type Cost struct {
	Structure int64 // stays for as long as the request does
	Elements  int64 // typed contents: RequestFromProto copies them
}

// Total returns the sum of Structure and Elements.
func (c Cost) Total() int64 { return c.Structure + c.Elements }

// JSONCost returns an upper bound, in bytes, of the memory that DecodeRequest and DecodeResponse take for a message whose JSON is the text.
func JSONCost(text []byte) int64 {
	return baseCost + numberCost*int64(len(text)) + parameterCost*int64(bytes.Count(text, []byte{':'}))
}

// Size returns the bytes of the outputs' data together.
func (r *Response) Size() (n int64) {
	for i := range r.Outputs {
		n += int64(len(r.Outputs[i].Data))
	}
	return n
}

// HeadCost returns an upper bound, in bytes, of the memory that RequestParts takes beside the tensors' data.
func HeadCost(r *Request) int64 {
	n := int64(len(r.ID)) + parametersLength(r.Parameters)
	for i := range r.Inputs {
		n += tensorHead + int64(len(r.Inputs[i].Name)) + parametersLength(r.Inputs[i].Parameters)
	}
	for i := range r.Outputs {
		n += tensorHead + int64(len(r.Outputs[i].Name)) + parametersLength(r.Outputs[i].Parameters)
	}
	return escaped * growth * n
}

const (
	escaped    = 6   // characters of JSON for a control character
	tensorHead = 256 // of a tensor's JSON, beside its name: MaxRank dimensions of 20 digits, once
)

// parametersLength returns an upper bound of the characters that the parameters have, without escapes.
func parametersLength(p Parameters) (n int64) {
	for key, value := range p {
		n += int64(len(key)) + 32 // a number's digits
		if text, ok := value.(string); ok {
			n += int64(len(text))
		}
	}
	return n
}

// ProtoCost returns an upper bound of the memory that DecodeProto takes for a message. It stops counting once that is more than most. It fails
// with Invalid if the message has lists in more than maxPieces pieces, which would take too much time to decode.
func ProtoCost(message []byte, most int64) (Cost, error) {
	m := meter{cost: Cost{Structure: baseCost}, most: most}
	m.message(message, (&pb.ModelInferRequest{}).ProtoReflect().Descriptor())
	if m.pieces > maxPieces {
		return m.cost, fault.New(fault.Invalid, fmt.Sprintf("The message has lists of numbers in more than %d pieces; send each list in one.", maxPieces))
	}
	return m.cost, nil
}

// ProtoJSONCost returns an upper bound of the memory that protojson takes for a message as JSON.
func ProtoJSONCost(text []byte) Cost {
	count := func(c byte) int64 { return int64(bytes.Count(text, []byte{c})) }
	return Cost{
		Structure: baseCost + messageCost*count('{') + elementCost*count('"')/2 + 2*int64(len(text)),
		Elements:  growth * widest * count(','),
	}
}

// DecodeProto decodes a request whose raw contents are slices of the message, which protobuf's own decoder would copy. It fails with Invalid
// for a malformed message or one with raw contents of more than maxTensors tensors.
func DecodeProto(message []byte) (*pb.ModelInferRequest, error) {
	out := &pb.ModelInferRequest{}
	decode := func(fields []byte) error {
		if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(fields, out); err != nil {
			return malformed(err)
		}
		return nil
	}
	raw := (&pb.ModelInferRequest{}).ProtoReflect().Descriptor().Fields().ByName("raw_input_contents").Number()
	begin := 0 // of the fields that are to be decoded
	for at := 0; at < len(message); {
		number, kind, n := protowire.ConsumeField(message[at:])
		if n < 0 {
			return nil, malformed(protowire.ParseError(n))
		}
		if number != raw || kind != protowire.BytesType {
			at += n
			continue
		}
		if len(out.GetRawInputContents()) == maxTensors {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("The message has raw contents of more than %d tensors.", maxTensors))
		}
		if err := decode(message[begin:at]); err != nil {
			return nil, err
		}
		content, _ := protowire.ConsumeBytes(message[at+protowire.SizeTag(number):])
		out.RawInputContents = append(out.RawInputContents, content)
		at += n
		begin = at
	}
	return out, decode(message[begin:])
}

// malformed returns the Invalid fault of a gRPC message that cannot be parsed.
func malformed(err error) error {
	return fault.New(fault.Invalid, "The message is no ModelInferRequest.", fault.Cause(err))
}

// TypedSize returns the bytes that RequestFromProto takes for the data of tensors with typed contents, and whether there are any.
func TypedSize(m *pb.ModelInferRequest) (size int64, typed bool) {
	for _, in := range m.GetInputs() {
		c := in.GetContents()
		if c == nil {
			continue
		}
		typed = true
		size += int64(len(c.GetBoolContents()) + 4*len(c.GetIntContents()) + 4*len(c.GetUintContents()) + 4*len(c.GetFp32Contents()))
		size += 8 * int64(len(c.GetInt64Contents())+len(c.GetUint64Contents())+len(c.GetFp64Contents()))
		for _, element := range c.GetBytesContents() {
			size += 4 + int64(len(element))
		}
	}
	return size, typed
}

var topDescriptor protoreflect.Descriptor = (&pb.ModelInferRequest{}).ProtoReflect().Descriptor()

// meter walks a message as protobuf's decoder does.
type meter struct {
	cost   Cost
	most   int64
	pieces int // of lists that have one already
}

// full reports whether counting can stop: a limit is exceeded.
func (m *meter) full() bool { return m.cost.Total() > m.most || m.pieces > maxPieces }

// message counts a message and all its fields. It stops at a malformed field, since the decoder does too.
func (m *meter) message(b []byte, of protoreflect.MessageDescriptor) {
	m.cost.Structure += messageCost
	var seen [64]bool
	for len(b) > 0 && !m.full() {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(number, kind, b)
		if size < 0 {
			return
		}
		copies := int64(1) // of a packed list, while it is made
		if int(number) < len(seen) {
			if seen[number] {
				copies = 2 * growth
			}
			seen[number] = true
		}
		m.field(b[:size], kind, of.Fields().ByNumber(number), copies)
		b = b[size:]
	}
}

// field counts one field with the value b, nil of for an unknown one. copies is how often a packed list is copied.
func (m *meter) field(b []byte, kind protowire.Type, of protoreflect.FieldDescriptor, copies int64) {
	switch {
	case of == nil: // unknown fields are kept
		m.cost.Structure += growth*int64(len(b)) + 2*binaryTag
	case kind == protowire.BytesType:
		value, _ := protowire.ConsumeBytes(b)
		m.bytes(value, of, copies)
	case of.IsList() && packable(of.Kind()):
		m.cost.Elements += growth * widthOf(of.Kind())
	default: // a field of its own, or one of another type than the protocol's, which is kept as unknown
		m.cost.Structure += growth*int64(len(b)) + 2*binaryTag
	}
}

// packable reports whether a list of the kind may be packed: it has numbers, booleans or enums.
func packable(kind protoreflect.Kind) bool {
	return kind != protoreflect.MessageKind && kind != protoreflect.StringKind && kind != protoreflect.BytesKind
}

// binaryTag is the most that a field's number takes.
const binaryTag = 5

// bytes counts a field that has a length: a message, a string, bytes or a packed list.
func (m *meter) bytes(value []byte, of protoreflect.FieldDescriptor, copies int64) {
	switch of.Kind() {
	case protoreflect.MessageKind:
		m.cost.Structure += elementCost
		m.message(value, of.Message())
	case protoreflect.StringKind:
		m.cost.Structure += elementCost + int64(len(value))
	case protoreflect.BytesKind:
		m.cost.Structure += elementCost
		if of.Parent() != topDescriptor { // DecodeProto does not copy raw contents
			m.cost.Elements += int64(len(value))
		}
	default: // packed numbers: the list is made for all of them at once
		count := elementsOf(value, of.Kind()) * widthOf(of.Kind())
		if copies > 1 {
			m.pieces++
		}
		m.cost.Elements += copies * (count + count/8) // large lists are rounded up
	}
}

// widthOf returns how many bytes a number of the kind takes in memory.
func widthOf(kind protoreflect.Kind) int64 {
	switch kind {
	case protoreflect.BoolKind:
		return 1
	case protoreflect.Int32Kind, protoreflect.Uint32Kind, protoreflect.FloatKind:
		return 4
	default:
		return 8
	}
}

// elementsOf returns how many numbers of the kind a packed list has.
func elementsOf(value []byte, kind protoreflect.Kind) (n int64) {
	switch kind {
	case protoreflect.FloatKind:
		return int64(len(value)) / 4
	case protoreflect.DoubleKind:
		return int64(len(value)) / 8
	default:
		for _, c := range value { // the last byte of a varint has its first bit not set
			if c <= math.MaxInt8 {
				n++
			}
		}
		return n
	}
}
