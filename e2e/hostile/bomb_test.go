//go:build !cluster

package hostile

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/17882237881/MaaS/e2e/e2etest"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
	"github.com/17882237881/MaaS/shared/proto/maas/v1/maasv1connect"
)

// TestAGzipBombIsRefusedBeyondTheLimitOfAMessage sends messages of 62 MiB in some KB each to a service that takes 1 MiB, over each protocol.
func TestAGzipBombIsRefusedBeyondTheLimitOfAMessage(t *testing.T) {
	t.Parallel()
	innocent := getting(the.Register(t).Site(), "/v1/models")
	text := bytes.Repeat([]byte("x"), expanded)
	message, err := proto.Marshal(&maasv1.CreateModelRequest{Description: string(text)})
	e2etest.Must(t, err)
	small := compressed(t, message)
	envelope := append([]byte{1, 0, 0, 0, 0}, small...)
	binary.BigEndian.PutUint32(envelope[1:], uint32(len(small)))
	const procedure, says = maasv1connect.ModelServiceCreateModelProcedure, "is larger than configured max 1048576"
	gzip := map[string]string{"Content-Encoding": "gzip"}
	refuses(t, innocent, the.Register(t).Site(), map[string]refusal{
		"Connect with JSON": {
			hostileCall: hostileCall{path: procedure, kind: "application/json", header: gzip, body: compressed(t, []byte(`{"description":"`), text, []byte(`"}`))},
			status:      http.StatusTooManyRequests, says: says,
		},
		"Connect": {hostileCall: hostileCall{path: procedure, kind: "application/proto", header: gzip, body: small}, status: http.StatusTooManyRequests, says: says},
		"gRPC": {
			hostileCall: hostileCall{path: procedure, kind: "application/grpc", header: map[string]string{"Grpc-Encoding": "gzip"}, body: envelope},
			client:      h2c(t), status: http.StatusOK, says: says,
		},
		"gRPC-Web": {
			hostileCall: hostileCall{path: procedure, kind: "application/grpc-web", header: map[string]string{"Grpc-Encoding": "gzip"}, body: envelope},
			status:      http.StatusOK, says: says,
		},
	})
}
