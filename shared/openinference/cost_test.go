package openinference_test

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

// allocated returns the bytes that f allocates, garbage included. The runtime may allocate in between, so that f runs again, up to three times in
// all, while that is more than most.
func allocated(most int64, f func()) (bytes int64) {
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		if bytes = int64(after.TotalAlloc - before.TotalAlloc); bytes <= most {
			break
		}
	}
	return bytes
}

// repeated returns n fields of bytes with the content.
func repeated(number protowire.Number, content []byte, n int) (out []byte) {
	for range n {
		out = protowire.AppendBytes(protowire.AppendTag(out, number, protowire.BytesType), content)
	}
	return out
}

// The numbers of fields in the protocol's messages.
const (
	inputs, rawContents, parameters                                                 = 5, 7, 4
	contents, intContents, bytesContents, boolContents, fp32Contents, int64Contents = 5, 2, 8, 1, 6, 3
)

func inside(content []byte) []byte { return repeated(inputs, repeated(contents, content, 1), 1) }

// TestTheCostOfAMessageBoundsWhatItsDecodingTakes has messages that become many times as long in memory.
func TestTheCostOfAMessageBoundsWhatItsDecodingTakes(t *testing.T) { //nolint:paralleltest // it measures what the process allocates
	entry := func(i int) []byte {
		key := repeated(1, fmt.Append(nil, i), 1)
		return append(key, repeated(2, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1), 1)...)
	}
	var many []byte
	for i := range 50_000 {
		many = append(many, repeated(parameters, entry(i), 1)...)
	}
	unpacked := bytes.Repeat(protowire.AppendVarint(protowire.AppendTag(nil, intContents, protowire.VarintType), 1), 200_000)
	raw, err := proto.Marshal(&pb.ModelInferRequest{ModelName: "a/b", RawInputContents: [][]byte{make([]byte, 8<<20)}})
	if err != nil {
		t.Fatal(err)
	}
	for name, message := range map[string][]byte{
		"tensors":          repeated(inputs, nil, 100_000),
		"contents":         repeated(inputs, repeated(contents, nil, 1), 50_000),
		"raw contents":     repeated(rawContents, nil, 4096),
		"parameters":       many,
		"strings":          inside(repeated(bytesContents, nil, 200_000)),
		"packed bools":     inside(repeated(boolContents, bytes.Repeat([]byte{1}, 1<<20), 1)),
		"packed varints":   inside(repeated(int64Contents, bytes.Repeat([]byte{1}, 1<<20), 1)),
		"packed in pieces": inside(repeated(fp32Contents, make([]byte, 1<<16), 17)),
		"unpacked":         inside(unpacked),
		"unknown fields":   repeated(99, make([]byte, 10), 100_000),
		"wrong type":       bytes.Repeat(protowire.AppendVarint(protowire.AppendTag(nil, inputs, protowire.VarintType), 1), 100_000),
		"one tensor":       raw,
	} {
		cost, err := openinference.ProtoCost(message, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		took := allocated(cost.Total(), func() {
			if _, err := openinference.DecodeProto(message); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		if took > cost.Total() {
			t.Errorf("%s: decoding %d bytes took %d, and was to cost %d", name, len(message), took, cost.Total())
		}
		if name == "one tensor" && cost.Total() > 32<<10 {
			t.Errorf("a tensor that is not copied costs %d", cost.Total())
		}
		if short, _ := openinference.ProtoCost(message, 1000); cost.Total() > 10_000_000 && short.Total() > cost.Total()/2 {
			t.Errorf("%s: %d were counted of %d, where 1000 were enough", name, short.Total(), cost.Total())
		}
	}
}

func TestTheCostOfJSONBoundsWhatItsDecodingTakes(t *testing.T) { //nolint:paralleltest // it measures what the process allocates
	var members []string
	for i := range 200 {
		members = append(members, fmt.Sprintf(`"%d":1`, i))
	}
	tensor := `{"name":"x","shape":[0],"datatype":"FP32","parameters":{` + strings.Join(members, ",") + `},"data":[]}`
	for name, text := range map[string]string{
		"numbers":    `{"inputs":[{"name":"x","shape":[500000],"datatype":"FP64","data":[` + strings.Repeat("0,", 499_999) + `0]}]}`,
		"strings":    `{"inputs":[{"name":"x","shape":[300000],"datatype":"BYTES","data":[` + strings.Repeat(`"",`, 299_999) + `""]}]}`,
		"parameters": `{"inputs":[` + strings.Repeat(tensor+",", 999) + tensor + `]}`,
	} {
		cost := openinference.JSONCost([]byte(text))
		copied := int64(len(text))
		took := allocated(cost+copied, func() {
			if _, err := openinference.DecodeRequest([]byte(text), len(text)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		if took > cost+copied {
			t.Errorf("%s: decoding %d bytes took %d, and was to cost %d", name, len(text), took, cost)
		}
	}
	for name, text := range map[string]string{
		"tensors":    `{"inputs":[` + strings.Repeat("{},", 50_000) + `{}]}`,
		"numbers":    `{"inputs":[{"contents":{"int64Contents":[` + strings.Repeat("0,", 300_000) + `0]}}]}`,
		"strings":    `{"inputs":[{"contents":{"bytesContents":[` + strings.Repeat(`"",`, 300_000) + `""]}}]}`,
		"parameters": `{"parameters":{` + strings.Join(members, `},`) + `}}`,
	} {
		text = strings.ReplaceAll(text, `":1`, `":{"boolParam":true`)
		if name == "parameters" {
			text = strings.Replace(text, "}}", "}}}", 1)
		}
		cost := openinference.ProtoJSONCost([]byte(text))
		var live, before runtime.MemStats
		runtime.GC() //nolint:revive // what is live is measured
		runtime.ReadMemStats(&before)
		out := &pb.ModelInferRequest{}
		if err := protojson.Unmarshal([]byte(text), out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		runtime.GC() //nolint:revive // protojson makes garbage of each token, which is for the collector
		runtime.ReadMemStats(&live)
		if took := int64(live.HeapAlloc) - int64(before.HeapAlloc); took > cost.Total() {
			t.Errorf("%s: %d bytes of JSON took %d, and were to cost %d", name, len(text), took, cost.Total())
		}
		runtime.KeepAlive(out)
	}
}

func TestAMessageThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	_, err := openinference.DecodeProto([]byte{0xff})
	faulttest.AssertKind(t, err, fault.Invalid)
	many := repeated(rawContents, nil, 4097)
	_, err = openinference.DecodeProto(many)
	faulttest.AssertKind(t, err, fault.Invalid)
	_, err = openinference.ProtoCost(inside(repeated(fp32Contents, make([]byte, 4), 100_000)), math.MaxInt64)
	faulttest.AssertKind(t, err, fault.Invalid)
}

func TestDecodingAMessageDoesNotCopyItsTensors(t *testing.T) {
	t.Parallel()
	message, err := proto.Marshal(&pb.ModelInferRequest{ModelName: "acme/adder", RawInputContents: [][]byte{{1, 2, 3}}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := openinference.DecodeProto(message)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(message, []byte{1, 2, 3})
	if got := m.GetRawInputContents()[0]; !bytes.Equal(got, []byte{1, 2, 3}) || &got[0] != &message[at] {
		t.Errorf("the contents are %v, a copy", got)
	}
}
