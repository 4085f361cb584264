//go:build !cluster

package hostile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// depth and members are those of a hostile body. A body of a route of JSON may have 1 MiB.
const depth, members = 500_000, 90_000

// nested returns arrays in arrays.
func nested() []byte { return []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth)) }

// object returns an object of many members.
func object() []byte {
	var text bytes.Buffer
	for n := range members {
		fmt.Fprintf(&text, `,"%d":1`, n)
	}
	text.WriteByte('}')
	text.Bytes()[0] = '{'
	return text.Bytes()
}

// TestDeepAndWideJSONIsRefused sends bodies nested 500,000 deep and of 90,000 members to each kind of route that reads JSON.
func TestDeepAndWideJSONIsRefused(t *testing.T) {
	t.Parallel()
	user, hostile := the.Register(t), the.Register(t)
	infer, site := hostile.Publish("deep", "digits.onnx"), hostile.Site()
	const models, procedure = "/v1/models", "/maas.v1.ModelService/CreateModel"
	deep, wide := nested(), object()
	bad := func(path, format string, inner []byte, says string) refusal {
		body := fmt.Appendf(nil, format, inner)
		return refusal{hostileCall: hostileCall{path: path, kind: "application/json", body: body}, status: http.StatusBadRequest, says: says}
	}
	refuses(t, both(inferring(t, user), getting(user.Site(), models)), site, map[string]refusal{
		"deep metadata of a model":           bad(models, `{"name":"x","metadata":%s}`, deep, "exceeded max depth"),
		"a deep message of gRPC":             bad(procedure, `{"model":%s}`, deep, "invalid_argument"),
		"deep data of a tensor":              bad(infer, `{"inputs":[{"name":"input","datatype":"FP32","shape":[1,64],"data":%s}]}`, deep, "no FP32"),
		"a deep parameter of an inference":   bad(infer, `{"parameters":{"a":%s}}`, deep, "a string, a number, true or false"),
		"deep inputs of an inference":        bad(infer, `{"inputs":%s}`, deep, "is expected"),
		"a wide model":                       bad(models, `%s`, wide, "is not a known field"),
		"wide metadata of a model":           bad(models, `{"name":"x","metadata":%s}`, wide, "metadata"),
		"a wide message of gRPC":             bad(procedure, `%s`, wide, "invalid_argument"),
		"a wide inference":                   bad(infer, `%s`, wide, "is unknown here"),
		"90,000 parameters of an inference":  bad(infer, `{"parameters":%s}`, wide, "more than 256 members"),
		"90,000 tensors and more than 4,096": bad(infer, `{"inputs":[%s]}`, tensors(), "more than 4096 elements"),
	})
}

// tensors returns the list of many tensors without data.
func tensors() []byte {
	one := `{"name":"input","datatype":"FP32","shape":[0],"data":[]}`
	return []byte(strings.Repeat(one+",", members-1) + one)
}

// both makes a call of each.
func both(one, other func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error { return errors.Join(one(ctx), other(ctx)) }
}
