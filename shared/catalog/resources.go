package catalog

import (
	"fmt"

	"github.com/17882237881/MaaS/api/fault"
)

// runtimes gives the runtime that serves a format.
var runtimes = map[string]string{"onnx": "maas-onnx"}

// runtimeFor returns the runtime that serves the format: the one asked for, if it does.
func runtimeFor(format, asked string) (string, error) {
	own, ok := runtimes[format]
	if !ok {
		return "", fault.New(fault.Unprocessable, fmt.Sprintf("No runtime serves the format %s.", format), fault.Field("runtime"))
	}
	if asked != "" && asked != own {
		return "", fault.New(fault.Unprocessable, fmt.Sprintf("The format %s is served by the runtime %s.", format, own), fault.Field("runtime"))
	}
	return own, nil
}
