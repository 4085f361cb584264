package e2etest

import (
	"strings"

	"github.com/17882237881/MaaS/shared/openinference"
)

// EchoRequest asks identity.onnx, which gives back its thirteen inputs, for the text in "in_bytes"; the others are small. The body is in the binary
// form, and so is the answer; header bytes of it are JSON.
func EchoRequest(text []byte) (body []byte, header int, err error) {
	request := &openinference.Request{Parameters: openinference.Parameters{"binary_data_output": true}}
	for _, d := range openinference.Datatypes() {
		data := make([]byte, 2*d.Size())
		if d == openinference.Bytes {
			data = openinference.AppendString(openinference.AppendString(nil, string(text)), "")
		}
		request.Inputs = append(request.Inputs, openinference.Tensor{
			Name: "in_" + strings.ToLower(string(d)), Datatype: d, Shape: []int64{1, 2}, Binary: true, Data: data,
		})
	}
	return openinference.AppendRequest(nil, request)
}
