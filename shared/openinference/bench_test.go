package openinference_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/openinference"
)

// BenchmarkDecodeRequest reads 1,000 floats of JSON.
func BenchmarkDecodeRequest(b *testing.B) {
	body := []byte(`{"inputs":[{"name":"x","datatype":"FP32","shape":[10,100],"data":[0.5` + strings.Repeat(",1.25e-3", 999) + `]}]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := openinference.DecodeRequest(body, len(body)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendResponse writes 1,000 floats of JSON.
func BenchmarkAppendResponse(b *testing.B) {
	r := &openinference.Response{Outputs: []openinference.Tensor{
		{Name: "y", Datatype: openinference.FP32, Shape: []int64{1000}, Data: []byte(strings.Repeat("\x01\x02\x03\x3d", 1000))},
	}}
	var body []byte
	b.ReportAllocs()
	for b.Loop() {
		body, _, _ = openinference.AppendResponse(body[:0], r)
	}
	b.SetBytes(int64(len(body)))
}
