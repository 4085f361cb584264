package journeys

import (
	"bytes"
	"fmt"
)

// slowRequest asks slow.onnx for as many steps; a thousand take about a second.
func slowRequest(steps int) []byte {
	const side = 256
	var text bytes.Buffer
	fmt.Fprintf(&text, `{"inputs":[{"name":"steps","shape":[1],"datatype":"INT64","data":[%d]},`, steps)
	fmt.Fprintf(&text, `{"name":"start","shape":[%d,%d],"datatype":"FP32","data":[1`, side, side)
	text.Write(bytes.Repeat([]byte(",1"), side*side-1))
	text.WriteString(`]}]}`)
	return text.Bytes()
}
