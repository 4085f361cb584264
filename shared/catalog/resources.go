package catalog

import (
	"fmt"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/formats"
)

// runtimes gives the runtime that serves a kind.
var runtimes = map[formats.Kind]string{formats.Kind(formats.ONNX): "maas-onnx"}

// runtimeFor returns the runtime that serves versions of the kind: the one asked for, if it does. It fails with Unprocessable if there is none.
func runtimeFor(kind formats.Kind, asked string) (string, error) {
	own, ok := runtimes[kind]
	if !ok {
		return "", fault.New(fault.Unprocessable, fmt.Sprintf("The version is of the kind %s, which no runtime serves here.", kind), fault.Field("runtime"))
	}
	if asked != "" && asked != own {
		return "", fault.New(fault.Unprocessable, fmt.Sprintf("Versions of the kind %s are served by the runtime %s.", kind, own), fault.Field("runtime"))
	}
	return own, nil
}
