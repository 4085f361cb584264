package main

import (
	"strconv"
	"strings"

	"github.com/17882237881/MaaS/shared/httpapi"
)

// stream is what a person says of a route that reads or writes its bytes itself. Its path's wildcards are described by their names.
type stream struct {
	id      string
	doc     string // the first sentence is the summary
	headers []any
	body    object // the request's content
	success object // the answer's content
	and     object // other responses
	sends   object // headers of the answer
}

// stream returns the operation of a route that s describes. A wildcard without a form is recorded in d.schemas.err.
func (d *document) stream(route httpapi.Route, s stream) object {
	_, path, _ := strings.Cut(route.Pattern, " ")
	var parameters []any
	for _, found := range wildcards.FindAllStringSubmatch(path, -1) {
		schema, known := d.wildcard(found[1])
		if !known {
			d.schemas.failf("%s: {%s} has no form", route.Pattern, found[1])
		}
		parameters = append(parameters, parameter("path", found[1], "", schema))
	}
	o := head(route, route.Function+"."+s.id, s.doc).with("parameters", append(parameters, s.headers...))
	if s.body != nil {
		o = o.with("requestBody", object{{"required", true}, {"content", s.body}})
	}
	success := object{{"description", "OK"}}.with("headers", s.sends).with("content", s.success)
	responses := object{{strconv.Itoa(route.Success()), success}}.merge(s.and)
	return append(o, member{"responses", responses.merge(failures(route))})
}

// streams returns the descriptions of the routes that read or write their bytes themselves, by pattern.
func (d *document) streams() map[string]stream {
	all := d.transferStreams()
	for _, model := range []struct{ path, suffix string }{{"/v2/models/{t}/{m}", ""}, {"/v2/models/{t}/{m}/versions/{ref}", "Version"}} {
		all["POST "+model.path+"/infer"] = d.infer("infer" + model.suffix)
		all["GET "+model.path] = stream{
			id: "model" + model.suffix, doc: "Tells a model's inputs and outputs, whether or not it runs.",
			success: ofJSON(d.named("openinference", "ModelMetadata")),
		}
		all["GET "+model.path+"/ready"] = stream{
			id:      "ready" + model.suffix,
			doc:     "Tells whether calls would be answered. What is scaled to zero is ready: a call starts it.",
			success: ofJSON(object{{"type", "object"}, {"properties", object{{"name", d.named("ref", "Model")}, {"ready", object{{"const", true}}}}}}),
		}
	}
	all["GET /v2"] = stream{id: "server", doc: "Tells what this server is.", success: ofJSON(d.named("openinference", "ServerMetadata"))}
	all["GET /v2/health/live"] = stream{id: "serverLive", doc: "Tells that the gateway lives.", success: ofJSON(flag("live"))}
	all["GET /v2/health/ready"] = stream{
		id: "serverReady", doc: "Tells whether the gateway lets calls in.", success: ofJSON(flag("ready")),
	}
	all["GET /openapi.json"] = stream{id: "openapi", doc: "Gives this document.", success: ofJSON(object{{"type", "object"}})}
	return all
}

// flag returns the schema of an object with one required member, a boolean with the name.
func flag(name string) object {
	return object{{"type", "object"}, {"required", []string{name}}, {"properties", object{{name, object{{"type", "boolean"}}}}}}
}

// named returns the schema of a type in an answer, by its package and name. It panics if there is no such type.
func (d *document) named(pkg, name string) object {
	return d.schemas.of(d.schemas.source.named(pkg, name), given)
}

// transferStreams returns the descriptions of the routes that take or give files or events, by pattern.
func (d *document) transferStreams() map[string]stream {
	after := parameter("header", "Last-Event-ID", "The id of the last event that the client knows.", object{{"type", "string"}})
	events := object{{"text/event-stream", object{{"schema", object{
		{"type", "string"},
		{"description", "Events progress, phase, done and failed, each with an id; data is an UploadState in JSON. A comment is a sign of life."},
	}}}}}
	d.named("api", "UploadState")
	bytes := object{{"application/octet-stream", object{{"schema", object{{"type", "string"}, {"format", "binary"}}}}}}
	return map[string]stream{
		"PUT /v1/uploads/{id}/chunks/{n}": {
			id: "receive",
			doc: "Takes a chunk in. It answers once the store holds exactly these bytes. Chunks come in any order and at the same time; " +
				"the same chunk again is no error, other bytes under its index are a conflict, and bytes of another digest are unprocessable.",
			headers: []any{
				parameter("header", "Content-Digest", "sha-256=:…: (RFC 9530); this or X-Chunk-SHA256 is needed.", object{{"type", "string"}}),
				parameter("header", "X-Chunk-SHA256", "The digest in hexadecimal digits.", d.named("ref", "Digest")),
			},
			body: bytes, success: ofJSON(d.named("api", "ReceivedChunk")),
		},
		"GET /v1/uploads/{id}/events": {
			id: "follow", headers: []any{after}, success: events,
			doc: "Follows an upload until it ends, for five minutes at most.",
		},
		"GET /v1/events": {
			id: "followAll", headers: []any{after}, success: events,
			doc: "Follows all uploads that the caller may know of, for five minutes at most.",
		},
		"GET /v1/models/{t}/{m}/versions/{ref}/files/{path...}": {
			id: "download", success: bytes,
			doc: "Gives a file: by a presigned address, good for an hour, where clients reach the store; else its bytes. Range and the " +
				"preconditions of RFC 9110 hold. The path may have slashes.",
			and: object{
				{"206", object{{"description", "The range that was asked for."}, {"content", bytes}}},
				{"304", object{{"description", "The client has the file."}}},
				{"307", object{{"description", "The file is at Location."}}},
			},
		},
	}
}

// infer returns the description of a call of a model (Open Inference Protocol, version 2), and adds its schemas to the components.
func (d *document) infer(id string) stream {
	words := object{{"type", "string"}}
	d.schemas.components["inference.Tensor"] = tensor
	d.schemas.components["inference.Request"] = inferenceRequest
	d.schemas.components["inference.Response"] = inferenceResponse
	return stream{
		id: id,
		doc: "Calls a model. Tensors are JSON, or binary data behind it whose JSON part is as long as Inference-Header-Content-Length says. " +
			"Without a reference the version is latest. A model that is scaled to zero is started; the call waits until its deadline.",
		headers: []any{
			parameter("header", "Inference-Header-Content-Length", "The length of the JSON part, in bytes, where binary data follows it.", object{{"type", "integer"}}),
			parameter("header", "X-Request-Timeout", "The deadline, in milliseconds; 60000 unless given.", object{{"type", "integer"}, {"minimum", 1}}),
			parameter("header", "X-Session", "Calls of one session go to the same version of an alias whose traffic is split, while its weights stay. "+
				"Without it each call goes to a version by weight.", words),
			parameter("header", "Prefer", "wait=N: how many seconds to wait for a start at most.", words),
		},
		body: object{
			{"application/json", object{{"schema", reference("schemas", "inference.Request")}, {"example", inferenceExample}}},
			{"application/octet-stream", object{{"schema", object{{"type", "string"}, {"format", "binary"}}}}},
		},
		success: ofJSON(reference("schemas", "inference.Response")),
		sends: object{
			{"X-Model-Version", header("The version that answered.", words)},
			{"X-Cache", header("Whether the answer is a stored one.", object{{"enum", []string{"hit", "miss", "bypass", "shared"}}})},
			{"X-Queue-Ms", header("Milliseconds in the queue.", object{{"type", "integer"}})},
			{"X-Cold-Start-Ms", header("Milliseconds until the model had started; 0 if it ran.", object{{"type", "integer"}})},
			{"Server-Timing", header("Where the time went (W3C Server Timing).", words)},
		},
	}
}

// header returns a header object of OpenAPI.
func header(doc string, schema object) object {
	return object{{"description", doc}, {"schema", schema}}
}

var (
	tensor = object{
		{"type", "object"},
		{"required", []string{"name", "shape", "datatype"}},
		{"properties", object{
			{"name", object{{"type", "string"}}},
			{"shape", object{{"type", "array"}, {"items", object{{"type", "integer"}, {"minimum", 0}}}}},
			{"datatype", datatype},
			{"parameters", object{{"type", "object"}}},
			{"data", object{{"type", "array"}, {"description", "the elements in row-major order, nested or flat"}}},
		}},
	}
	datatype = object{{"enum", []string{
		"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES",
	}}}
	tensors          = object{{"type", "array"}, {"items", reference("schemas", "inference.Tensor")}}
	inferenceRequest = object{
		{"type", "object"},
		{"required", []string{"inputs"}},
		{"properties", object{
			{"id", object{{"type", "string"}}},
			{"parameters", object{{"type", "object"}}},
			{"inputs", tensors},
			{"outputs", object{
				{"type", "array"},
				{"items", object{{"type", "object"}, {"required", []string{"name"}}, {"properties", object{{"name", object{{"type", "string"}}}}}}},
			}},
		}},
	}
	inferenceResponse = object{
		{"type", "object"},
		{"required", []string{"model_name", "outputs"}},
		{"properties", object{
			{"model_name", object{{"type", "string"}}},
			{"model_version", object{{"type", "string"}}},
			{"id", object{{"type", "string"}}},
			{"parameters", object{{"type", "object"}}},
			{"outputs", tensors},
		}},
	}
	inferenceExample = object{{"inputs", []any{object{
		{"name", "x"}, {"shape", []int{1, 2}}, {"datatype", "FP32"}, {"data", []float64{0.5, 1}},
	}}}}
)
