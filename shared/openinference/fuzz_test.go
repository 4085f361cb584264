package openinference_test

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
)

func seeds() []string {
	return []string{
		`{}`,
		`{"id":"a","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2.5],[-3e2,"NaN"]]}]}`,
		`{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":["\ud83d\ude00\n"]}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}`,
		`{"inputs":[{"data":[true,false],"name":"x","shape":[2],"datatype":"BOOL"}],"parameters":{"binary_data_output":true,"n":18446744073709551615}}`,
		`{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}]}` + "\x02\x00\x00\x00ab",
		`{"model_name":"m","model_version":"1","outputs":[{"name":"y","shape":[1],"datatype":"FP16","data":[0.5]}]}`,
	}
}

// FuzzDecodeRequest: what is read is good, and is the same after it is written and read again.
func FuzzDecodeRequest(f *testing.F) {
	for _, seed := range seeds() {
		f.Add([]byte(seed), max(2, strings.LastIndexByte(seed, '}')+1))
	}
	f.Fuzz(func(t *testing.T, body []byte, header int) {
		if header < 1 || header > len(body) {
			return
		}
		r, err := openinference.DecodeRequest(body, header)
		if err != nil {
			return
		}
		checkAll(t, r.Inputs)
		again, header, err := openinference.AppendRequest(nil, r)
		if err != nil {
			return // a BYTES element of a binary tensor that JSON cannot carry is none of JSON's; a parameter may be infinite
		}
		if header == 0 {
			header = len(again)
		}
		r2, err := openinference.DecodeRequest(again, header)
		if err != nil {
			t.Fatalf("%v in %q, which was made of %q", err, again, body)
		}
		for i := range r.Inputs {
			if !bytes.Equal(r.Inputs[i].Data, r2.Inputs[i].Data) {
				t.Fatalf("% x became % x", r.Inputs[i].Data, r2.Inputs[i].Data)
			}
		}
	})
}

func FuzzDecodeResponse(f *testing.F) {
	for _, seed := range seeds() {
		f.Add([]byte(seed), max(2, strings.LastIndexByte(seed, '}')+1))
	}
	f.Fuzz(func(t *testing.T, body []byte, header int) {
		if header < 1 || header > len(body) {
			return
		}
		if r, err := openinference.DecodeResponse(body, header); err == nil {
			checkAll(t, r.Outputs)
		}
	})
}

func FuzzRequestFromProto(f *testing.F) {
	for _, seed := range seeds()[:4] {
		if r, err := openinference.DecodeRequest([]byte(seed), len(seed)); err == nil {
			text, _ := proto.Marshal(r.Proto("acme/x", ""))
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m := &pb.ModelInferRequest{}
		if proto.Unmarshal(text, m) != nil {
			return
		}
		if r, err := openinference.RequestFromProto(m); err == nil {
			checkAll(t, r.Inputs)
		}
	})
}

func checkAll(t *testing.T, tensors []openinference.Tensor) {
	t.Helper()
	for i := range tensors {
		if err := tensors[i].Check(); err != nil {
			t.Fatal(err)
		}
	}
}
