package openinference_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

func hashOf(t rapid.TB, body []byte, header int) [32]byte {
	r, err := openinference.DecodeRequest(body, header)
	if err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return hashed(r)
}

func hashed(r *openinference.Request) [32]byte {
	h := sha256.New()
	r.HashTo(h)
	return [32]byte(h.Sum(nil))
}

// spell writes a request as another client would: members in any order, white space, numbers in another form, data nested or flat, and tensors as JSON or
// as binary data.
func spell(t *rapid.T, r *openinference.Request) (body []byte, header int) {
	var tail []byte
	inputs := make([]string, len(r.Inputs))
	for i := range r.Inputs {
		var text string
		text, tail = spellTensor(t, &r.Inputs[i], tail)
		inputs[i] = text
	}
	outputs := make([]string, len(r.Outputs))
	for i, o := range r.Outputs {
		outputs[i] = spellObject(t, map[string]string{"name": spellString(t, o.Name), "parameters": spellParameters(t, o.Parameters)})
	}
	head := spellObject(t, map[string]string{
		"id": spellString(t, rapid.StringN(0, 4, 16).Draw(t, "another id")), "parameters": spellParameters(t, r.Parameters),
		"inputs": "[" + strings.Join(inputs, " ,") + "]", "outputs": "[" + strings.Join(outputs, ", ") + "]",
	})
	return append([]byte(head), tail...), len(head)
}

func spellObject(t *rapid.T, members map[string]string) string {
	keys := rapid.Permutation(slices.Sorted(maps.Keys(members))).Draw(t, "order")
	parts := make([]string, 0, len(keys))
	for _, key := range keys {
		if members[key] != "" {
			parts = append(parts, blank(t)+strconv.Quote(key)+blank(t)+":"+blank(t)+members[key])
		}
	}
	return "{" + strings.Join(parts, ",") + blank(t) + "}"
}

func blank(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "white space")
}

// spellString escapes some characters, which changes nothing.
func spellString(t *rapid.T, s string) string {
	if !rapid.Bool().Draw(t, "escaped") {
		text, _ := json.Marshal(s)
		return string(text)
	}
	var b strings.Builder
	for _, c := range s {
		if c < 0x10000 {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return `"` + b.String() + `"`
}

func spellParameters(t *rapid.T, p openinference.Parameters) string {
	members := map[string]string{}
	for key, value := range p {
		switch v := value.(type) {
		case string:
			members[key] = spellString(t, v)
		default:
			members[key] = fmt.Sprint(v)
		}
	}
	if len(members) == 0 && rapid.Bool().Draw(t, "left out") {
		return ""
	}
	return spellObject(t, members)
}

func spellTensor(t *rapid.T, x *openinference.Tensor, tail []byte) (text string, longer []byte) {
	members := map[string]string{
		"name": spellString(t, x.Name), "datatype": strconv.Quote(string(x.Datatype)), "shape": openinference.FormatShape(x.Shape),
	}
	if rapid.Bool().Draw(t, "binary") {
		members["parameters"] = `{"binary_data_size":` + strconv.Itoa(len(x.Data)) + `}`
		return spellObject(t, members), append(tail, x.Data...)
	}
	members["data"] = spellData(t, x)
	return spellObject(t, members), tail
}

// spellData takes the library's own text of the elements and spells some of the numbers of floating tensors otherwise.
func spellData(t *rapid.T, x *openinference.Tensor) string {
	plain := *x
	plain.Binary = false
	body, _, err := openinference.AppendRequest(nil, &openinference.Request{Inputs: []openinference.Tensor{plain}})
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Inputs []struct{ Data []json.RawMessage }
	}
	if err := json.Unmarshal(body, &read); err != nil {
		t.Fatal(err)
	}
	elements := make([]string, len(read.Inputs[0].Data))
	for i, raw := range read.Inputs[0].Data {
		elements[i] = string(raw)
		if strings.HasPrefix(string(x.Datatype), "FP") && !strings.ContainsAny(elements[i], "e.") && rapid.Bool().Draw(t, "another form") {
			elements[i] += rapid.SampledFrom([]string{".0", "e0", "E+00", ".000"}).Draw(t, "form")
		}
	}
	return "[" + strings.Join(elements, blank(t)+","+blank(t)) + "]"
}

func anyRequest(t *rapid.T) *openinference.Request {
	parameters := openinference.Parameters{}
	if rapid.Bool().Draw(t, "with parameters") {
		parameters["binary_data_output"] = rapid.Bool().Draw(t, "binary output")
		parameters["a"] = rapid.Int64().Draw(t, "a")
		parameters["c"] = rapid.String().Draw(t, "c")
	}
	return &openinference.Request{Parameters: parameters, Inputs: anyTensors(t), Outputs: []openinference.RequestedOutput{
		{Name: "y", Parameters: openinference.Parameters{"binary_data": rapid.Bool().Draw(t, "binary y")}}, {Name: "z"},
	}}
}

func TestRequestsThatMeanTheSameHashTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRequest(t)
		one, header := spell(t, r)
		other, otherHeader := spell(t, r)
		if hashOf(t, one, header) != hashOf(t, other, otherHeader) {
			t.Fatalf("%q and %q hash differently", one, other)
		}
		overGRPC, err := openinference.RequestFromProto(overTheWire(t, r.Proto("acme/x", "1.0.0"), &pb.ModelInferRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		if hashed(overGRPC) != hashOf(t, one, header) {
			t.Fatalf("%q hashes differently over gRPC", one)
		}
	})
}

// TestRequestsThatDifferHashDifferently changes one thing of a request.
func TestRequestsThatDifferHashDifferently(t *testing.T) {
	t.Parallel()
	changes := map[string]func(*rapid.T, *openinference.Request) bool{ // reports whether it could change anything
		"an input's name":    func(_ *rapid.T, r *openinference.Request) bool { r.Inputs[0].Name += "x"; return true },
		"a parameter":        func(_ *rapid.T, r *openinference.Request) bool { r.Parameters["new"] = true; return true },
		"a parameter's type": func(_ *rapid.T, r *openinference.Request) bool { r.Parameters["new"] = "true"; return true },
		"an input's parameter": func(_ *rapid.T, r *openinference.Request) bool {
			r.Inputs[0].Parameters = openinference.Parameters{"p": int64(1)}
			return true
		},
		"the outputs":        func(_ *rapid.T, r *openinference.Request) bool { r.Outputs = r.Outputs[:1]; return true },
		"the outputs' order": func(_ *rapid.T, r *openinference.Request) bool { slices.Reverse(r.Outputs); return true },
		"how an output is to be sent": func(_ *rapid.T, r *openinference.Request) bool {
			r.Outputs[1].Parameters = openinference.Parameters{"binary_data": true}
			return true
		},
		"the shape": func(_ *rapid.T, r *openinference.Request) bool {
			r.Inputs[0].Shape = append(r.Inputs[0].Shape, 1)
			return true
		},
		"one bit": func(t *rapid.T, r *openinference.Request) bool {
			data := r.Inputs[0].Data
			if len(data) == 0 || r.Inputs[0].Datatype == openinference.Bytes {
				return false
			}
			data[rapid.IntRange(0, len(data)-1).Draw(t, "at")] ^= 1
			return true
		},
		"the datatype": func(_ *rapid.T, r *openinference.Request) bool {
			other := map[openinference.Datatype]openinference.Datatype{openinference.Int32: openinference.FP32, openinference.Uint8: openinference.Int8}
			was := r.Inputs[0].Datatype
			r.Inputs[0].Datatype = other[was]
			return other[was] != ""
		},
		"the inputs' order": func(_ *rapid.T, r *openinference.Request) bool {
			if len(r.Inputs) < 2 || r.Inputs[0].Name == r.Inputs[len(r.Inputs)-1].Name {
				return false
			}
			slices.Reverse(r.Inputs)
			return true
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				r := anyRequest(t)
				before := hashed(r)
				if change(t, r) && hashed(r) == before {
					t.Fatalf("%+v hashes as before", r)
				}
			})
		})
	}
}

func TestBitsDecideWhetherNumbersAreTheSame(t *testing.T) {
	t.Parallel()
	of := func(datatype, data string) (sum [32]byte, ok bool) {
		body := `{"inputs":[{"name":"x","datatype":"` + datatype + `","shape":[1],"data":[` + data + `]}]}`
		r, err := openinference.DecodeRequest([]byte(body), len(body))
		if err != nil {
			return sum, false
		}
		return hashed(r), true
	}
	tests := []struct {
		datatype, a, b string
		same           bool
	}{
		{"FP32", "1", "1.0", true},
		{"FP32", "10", "1e1", true},
		{"FP32", "0.1", "0.10000000149011612", true}, // the same FP32
		{"FP64", "0.1", "0.10000000149011612", false},
		{"FP32", "0.0", "-0.0", false},
		{"INT64", "0", "-0", true},
		{"UINT8", "1", "2", false},
		{"FP32", `"NaN"`, `"NaN"`, true},
		{"FP32", `"Infinity"`, `"-Infinity"`, false},
		{"BYTES", `"\u0061"`, `"a"`, true},
		{"BYTES", `"a"`, `"A"`, false},
	}
	for _, test := range tests {
		a, okA := of(test.datatype, test.a)
		b, okB := of(test.datatype, test.b)
		if !okA || !okB || (a == b) != test.same {
			t.Errorf("%s %s and %s: the same is %t, want %t", test.datatype, test.a, test.b, a == b, test.same)
		}
	}
	if _, ok := of("INT64", "1.0"); ok {
		t.Error("1.0 is taken for an INT64")
	}
	nan := func(bits uint32) [32]byte {
		data := []byte{byte(bits), byte(bits >> 8), byte(bits >> 16), byte(bits >> 24)}
		return hashed(&openinference.Request{Inputs: []openinference.Tensor{{Name: "x", Datatype: "FP32", Shape: []int64{1}, Data: data}}})
	}
	if quiet := math.Float32bits(float32(math.NaN())); nan(quiet) == nan(quiet|1) {
		t.Error("NaNs of other bits are the same")
	}
}

func TestAnAnswerGetsOtherNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := &openinference.Response{Model: "acme/first", Version: "1.0.0", ID: "first", Outputs: anyTensors(t)}
		body, header, err := openinference.AppendResponse(nil, in)
		if err != nil {
			t.Fatal(err)
		}
		length := header
		if header == 0 {
			length = len(body)
		}
		anonymous, length, err := openinference.WithoutIdentity(body, length)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(anonymous[:length], []byte("first")) && !strings.Contains(fmt.Sprint(in.Outputs), "first") {
			t.Fatalf("names are left in %q", anonymous)
		}
		head, rest := openinference.Identified("acme/second", "2.0.0", "second", anonymous)
		named := slices.Concat(head, rest)
		out, err := openinference.DecodeResponse(named, len(head)+length-1)
		if err != nil {
			t.Fatalf("%v in %q", err, named)
		}
		if out.Model != "acme/second" || out.Version != "2.0.0" || out.ID != "second" {
			t.Fatalf("%q is named %+v", named, out)
		}
		sameTensors(t, in.Outputs, out.Outputs)
	})
}

func TestWhatIsNoAnswerKeepsItsNames(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `[]`, `{`, `{}x`, `{"model_name":1}`, `{"other":1}`, `{"outputs":[}`, `{"id":"a","id":"b"}`} {
		if anonymous, _, err := openinference.WithoutIdentity([]byte(body), len(body)); err == nil {
			t.Errorf("%q became %q", body, anonymous)
		}
	}
	anonymous, _, err := openinference.WithoutIdentity([]byte(`{ "id" : "7" }`), 14)
	if err != nil {
		t.Fatal(err)
	}
	head, rest := openinference.Identified("acme/x", "", "", anonymous)
	if got := string(head) + string(rest); got != `{"model_name":"acme/x"}` {
		t.Errorf("an empty answer is %s", got)
	}
}
