package e2etest

import (
	"strings"

	"github.com/17882237881/MaaS/shared/openinference"
)

// EchoRequest returns a request for identity.onnx, which returns its thirteen inputs: in_bytes has the text, and the others are small. The body is
// in the binary form, as the answer will be, and its first header bytes are JSON.
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
