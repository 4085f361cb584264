//go:build !cluster

package hostile

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/17882237881/MaaS/e2e/e2etest"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	"github.com/17882237881/MaaS/shared/proto/inference/inferenceconnect"
)

// TestFloodsOfParametersAreRefused sends thousands of query parameters, of header fields and of an inference's parameters.
func TestFloodsOfParametersAreRefused(t *testing.T) {
	t.Parallel()
	innocent := getting(the.Register(t).Site(), "/v1/models")
	hostile := the.Register(t)
	hostile.Publish("parameters", "digits.onnx")
	query := func(text, says string) refusal {
		return refusal{hostileCall: hostileCall{path: "/v1/models?" + text}, method: http.MethodGet, status: http.StatusBadRequest, says: says}
	}
	fields := func(count, status int, says string) refusal {
		all := map[string]string{}
		for n := range count {
			all["x-"+strconv.Itoa(n)] = "1"
		}
		return refusal{hostileCall: hostileCall{path: "/v1/models", header: all}, method: http.MethodGet, status: status, says: says}
	}
	message, err := proto.Marshal(&pb.ModelInferRequest{ModelName: hostile.Of("parameters"), Parameters: manyParameters()})
	e2etest.Must(t, err)
	refuses(t, innocent, hostile.Site(), map[string]refusal{
		"query parameters":                 query(numbered(6000, "p%04d=1&"), "is not a known query parameter"),
		"a parameter that is repeated":     query(strings.Repeat("page_size=1&", 4000), "page_size is given more than once"),
		"more query parameters than fit":   query(strings.Repeat("a&", 20_000), "not well-formed"),
		"header fields that nobody reads":  fields(3000, http.StatusOK, "items"),
		"more header fields than may come": fields(9000, http.StatusRequestHeaderFieldsTooLarge, "431"),
		"parameters of an inference, over gRPC": {
			hostileCall: hostileCall{path: inferenceconnect.GRPCInferenceServiceModelInferProcedure, kind: "application/proto", body: message},
			status:      http.StatusBadRequest, says: "more than 256 members",
		},
	})
}

// manyParameters are an inference's.
func manyParameters() map[string]*pb.InferParameter {
	all := map[string]*pb.InferParameter{}
	for n := range 20_000 {
		all[strconv.Itoa(n)] = &pb.InferParameter{ParameterChoice: &pb.InferParameter_Int64Param{Int64Param: int64(n)}}
	}
	return all
}

// numbered repeats a text with the numbers from 0.
func numbered(times int, format string) string {
	var text bytes.Buffer
	for n := range times {
		fmt.Fprintf(&text, format, n)
	}
	return text.String()
}
