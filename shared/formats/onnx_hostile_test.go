package formats_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/17882237881/MaaS/shared/formats"
	"github.com/17882237881/MaaS/shared/formatstest"
)

func TestEachCutOfAFileIsRefused(t *testing.T) {
	t.Parallel()
	whole := fixture(t, "identity.onnx")
	for n := 1; n < len(whole); n++ {
		if _, err := recognise(whole[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for the file", n, len(whole))
		}
	}
	got := assertRefused(t, whole[:700], formats.Truncated)
	if want := "this ONNX file is truncated at byte 700: a field says that it has "; !strings.HasPrefix(got, want) {
		t.Errorf("%q does not begin with %q", got, want)
	}
}

func TestBytesAfterTheModelAreRefused(t *testing.T) {
	t.Parallel()
	whole := fixture(t, "digits.onnx")
	for name, more := range map[string]string{"zeros": "\x00\x00", "a zip": "PK\x03\x04", "half a field": "\x12"} {
		if _, err := recognise(append(bytes.Clone(whole), more...)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestDamageIsRefused(t *testing.T) {
	t.Parallel()
	endless := proto{}.Int(1, 9)
	endless = protowire.AppendVarint(protowire.AppendTag(endless, 7, protowire.BytesType), 1<<63)
	group := protowire.AppendTag(proto{}.Int(1, 9), 7, protowire.StartGroupType)
	nested := proto{}.Message(11, formatstest.Value("z", 1))
	nested[1]++ // longer than what it is in
	for name, c := range map[string]struct {
		file proto
		want formats.Code
	}{
		"an endless length":          {endless, formats.Truncated},
		"a group":                    {group, formats.Malformed},
		"a field beyond its message": {append(model(nested), 0, 0, 0, 0), formats.Malformed},
		"field 0":                    {append(model(graph()), 0, 0), formats.Malformed},
		"no graph":                   {proto{}.Int(1, 9).Message(8, proto{}.Int(2, 18)), formats.Malformed},
		"two graphs":                 {model(graph()).Message(7, graph()), formats.Malformed},
		"no operator set":            {proto{}.Int(1, 9).Message(7, graph()), formats.Malformed},
		"no output":                  {model(proto{}.Message(11, formatstest.Value("x", 1))), formats.Malformed},
		"a number for the graph":     {proto{}.Int(1, 9).Int(7, 1), formats.Malformed},
		"text for a number":          {model(graph()).Message(8, proto{}.Text(2, "18")), formats.Malformed},
		"an input twice":             {model(graph().Message(11, formatstest.Value("x", 1))), formats.Malformed},
		"an input without a name":    {model(graph().Message(11, formatstest.Value("", 1))), formats.Malformed},
		"a node without an operator": {model(graph().Message(1, proto{}.Text(1, "x"))), formats.Malformed},
		"a name that is not UTF-8":   {model(graph().Message(11, formatstest.Value("\xff", 1))), formats.Malformed},
		"a name with a NUL":          {model(graph().Message(11, formatstest.Value("a\x00b", 1))), formats.Malformed},
		"a long name":                {model(graph().Message(11, formatstest.Value(strings.Repeat("n", 5000), 1))), formats.Malformed},
		"data shorter than shape":    {model(graph().Message(5, formatstest.Tensor("w", "1234", 2))), formats.Malformed},
		"data longer than shape":     {model(graph().Message(5, formatstest.Tensor("w", "12345678", 1))), formats.Malformed},
		"a negative extent":          {model(graph().Message(5, formatstest.Tensor("w", "", -1))), formats.Malformed},
		"an extent too large":        {model(graph().Message(5, formatstest.Tensor("w", "", 1<<40, 1<<40))), formats.Malformed},
		"too many dimensions":        {model(graph().Message(5, formatstest.Tensor("w", "1234", make([]int64, 65)...))), formats.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertRefused(t, c.file, c.want)
		})
	}
}

func TestAnInvalidPlaceOfDataIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{"-1", "4"}, {"x", "4"}, {"+1", "4"}, {" 1", "4"}, {"0x1", "4"}, {"0", "-5"}, {"0", "3"}, {"0", "5"}, {"0", "4 "}, {"0", "0"},
		{"9223372036854775807", "4"}, {"99999999999999999999", "4"}, {"", "4"}, {"0", ""},
	} {
		refers := formatstest.External("w", []int64{1}, "location", "w.bin", "offset", c[0], "length", c[1])
		assertRefused(t, model(graph().Message(5, refers)), formats.Malformed)
	}
}

func TestGraphsInGraphsAreBounded(t *testing.T) {
	t.Parallel()
	inner := graph()
	for range 100 {
		inner = proto{}.Message(1, node("If").Message(5, proto{}.Text(1, "then_branch").Message(6, inner))).Message(12, formatstest.Value("y", 1))
	}
	assertRefused(t, model(inner), formats.TooComplex)
}

func TestMoreThanProtobufCanHoldIsRefused(t *testing.T) {
	t.Parallel()
	head, tail := aroundWeights(3 << 30)
	sparse := &holed{head: head, tail: tail, size: int64(len(head)+len(tail)) + 3<<30}

	_, err := formats.Recognise(sparse, sparse.size, claimed)

	var refusal *formats.Refusal
	if !errors.As(err, &refusal) || refusal.Code != formats.TooLarge {
		t.Errorf("3 GiB: %v", err)
	}
}

func TestWeightsAreNotRead(t *testing.T) {
	t.Parallel()
	const weights = 1 << 30
	head, tail := aroundWeights(weights)
	sparse := &holed{head: head, tail: tail, size: int64(len(head)+len(tail)) + weights}

	m, err := formats.Recognise(sparse, sparse.size, claimed)

	if err != nil || len(m.Tensors) != 1 || m.Tensors[0].Shape[0] != weights/4 {
		t.Fatalf("read %v, %v", m.Tensors, err)
	}
	if sparse.read > 1<<20 {
		t.Errorf("%d bytes of a model of 1 GiB were read", sparse.read)
	}
}

// aroundWeights returns a model with an initializer of that many bytes, without these bytes: what comes before, and after.
func aroundWeights(n int64) (head, tail proto) {
	after := graph()
	w := protowire.AppendVarint(protowire.AppendTag(proto{}.Int(1, n/4).Int(2, 1).Text(8, "w"), 9, protowire.BytesType), uint64(n))
	initializer := protowire.AppendVarint(protowire.AppendTag(proto{}, 5, protowire.BytesType), uint64(int64(len(w))+n))
	initializer = append(initializer, w...)
	head = proto{}.Int(1, 9)
	head = protowire.AppendVarint(protowire.AppendTag(head, 7, protowire.BytesType), uint64(int64(len(initializer)+len(after))+n))
	return append(head, initializer...), after.Message(8, proto{}.Int(2, 18))
}

// holed is a file of zeros between its head and its tail. It counts what is read.
type holed struct {
	head, tail []byte
	size, read int64
}

func (h *holed) ReadAt(b []byte, offset int64) (int, error) {
	h.read += int64(len(b))
	clear(b)
	if offset < int64(len(h.head)) {
		copy(b, h.head[offset:])
	}
	begin := h.size - int64(len(h.tail))
	for i := range b {
		if at := offset + int64(i) - begin; at >= 0 && at < int64(len(h.tail)) {
			b[i] = h.tail[at]
		}
	}
	return len(b), nil
}

func TestTheFaultOfAReaderIsNoRefusal(t *testing.T) {
	t.Parallel()
	away := errors.New("the store is away")

	_, err := formats.Recognise(failing{away}, 100, claimed)
	if !errors.Is(err, away) {
		t.Errorf("got %v, want the reader's", err)
	}
	_, err = formats.Recognise(bytes.NewReader(fixture(t, "digits.onnx")), 10_000, claimed)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("shorter than its size: %v", err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt(b []byte, _ int64) (int, error) { return iotest.ErrReader(f.err).Read(b) }
