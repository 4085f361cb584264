package host_test

import (
	"fmt"
	"strings"

	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/httpapi"
)

// subject is what a request asks about: the resources that stand in for the wildcards of a route.
type subject struct{ model, upload, key string }

// nothing are resources that the tenant acme does not have. A caller who may use a route is told so; one who may not is not.
var nothing = subject{model: "acme/none", upload: "00000000-0000-7000-8000-000000000001", key: "aaaaaaaaaaaaaaaaaaaaaaaaaa"}

var chunkRoute = httpapi.Route{Pattern: "PUT /v1/uploads/{id}/chunks/{n}"}

// body returns what a route needs to be sent to get as far as the resource, by the end of its pattern. Others are sent {}.
func body(pattern, model string) string {
	const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	named := fmt.Sprintf(`{"model":%q}`, model)
	return map[string]string{
		"PUT /v1/auth/password":                   `{"old":"not the password","new":"another correct horse"}`,
		"POST /v1/uploads":                        fmt.Sprintf(`{"model":%q,"version":"1.0.1","filename":"a.onnx","size":1}`, model),
		chunkRoute.Pattern:                        "x",
		"POST /v1/uploads/{id}/complete":          `{"chunks":["` + digest + `"]}`,
		"PUT /v1/models/{t}/{m}/aliases/{alias}":  `{"version":"1.0.0"}`,
		"POST .../deprecate":                      `{"reason":"old","sunset":"2100-01-01T00:00:00Z"}`,
		"POST .../infer":                          `{"inputs":[{"name":"input","shape":[1],"datatype":"FP32","data":[1]}]}`,
		"POST /maas.v1.ModelService/GetModel":     named,
		"POST /maas.v1.ModelService/UpdateModel":  fmt.Sprintf(`{"model":{"model":%q,"description":"x"},"updateMask":"description"}`, model),
		"POST /maas.v1.ModelService/DeleteModel":  named,
		"POST /maas.v1.ModelService/ListVersions": named,
		"POST /maas.v1.ModelService/GetVersion":   fmt.Sprintf(`{"model":%q,"ref":"1.0.0"}`, model),
		"POST /maas.v1.ModelService/Resolve":      fmt.Sprintf(`{"model":%q,"ref":"1.0.0"}`, model),
		"POST /inference.GRPCInferenceService/ModelInfer": fmt.Sprintf(
			`{"modelName":%q,"inputs":[{"name":"input","shape":[1],"datatype":"FP32","contents":{"fp32Contents":[1]}}]}`, model),
		"POST /inference.GRPCInferenceService/ModelMetadata": fmt.Sprintf(`{"name":%q}`, model),
		"POST /inference.GRPCInferenceService/ModelReady":    fmt.Sprintf(`{"name":%q}`, model),
	}[sample(pattern)]
}

// sample shortens the patterns that a body is kept for by their end.
func sample(pattern string) string {
	for _, end := range []string{"/deprecate", "/infer"} {
		if strings.HasPrefix(pattern, "POST ") && strings.HasSuffix(pattern, end) {
			return "POST ..." + end
		}
	}
	return pattern
}

// request asks a route about a subject.
func request(route httpapi.Route, about subject) functiontest.Request {
	method, path, _ := strings.Cut(route.Pattern, " ")
	in := functiontest.Request{Method: method, Path: expand(path, about)}
	if method == "GET" || method == "DELETE" {
		return in
	}
	in.Body = body(route.Pattern, about.model)
	if in.Body == "" {
		in.Body = "{}"
	}
	if strings.Contains(path, "/chunks/") {
		in.Header = map[string]string{"X-Chunk-SHA256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"} // of "x"
	}
	return in
}

func expand(path string, about subject) string {
	tenant, model, _ := strings.Cut(about.model, "/")
	id := about.upload
	if strings.Contains(path, "api-keys") {
		id = about.key
	}
	return strings.NewReplacer(
		"{t}", tenant, "{m}", model, "{id}", id, "{v}", "1.0.0", "{ref}", "1.0.0", "{range}", "1.0.0...1.0.0", "{alias}", "production",
		"{path...}", "a.onnx", "{n}", "0",
	).Replace(path)
}

// names reports whether requests to the route name a resource.
func names(route httpapi.Route) bool {
	return strings.Contains(route.Pattern, "{") || strings.Contains(body(route.Pattern, "acme/none"), "acme")
}

// public returns the routes that can be called from outside.
func public() []httpapi.Route {
	var routes []httpapi.Route
	for _, route := range httpapi.Routes() {
		if !route.Events {
			routes = append(routes, route)
		}
	}
	return routes
}
