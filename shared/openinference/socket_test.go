package openinference_test

import (
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/socket"
)

func TestAServerOnAUnixSocketIsCalledByItsAddress(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/d/1/v2/models/acme/fraud/ready" {
			w.WriteHeader(http.StatusNotFound)
		}
	})}
	go func() { _ = server.Serve(listener) }() // ends with Close
	client := openinference.NewClient(1 << 10)
	at := openinference.Endpoint{Server: socket.URL(path) + "/d/1", Model: "acme/fraud"}

	if err := client.Ready(t.Context(), at); err != nil {
		t.Error(err)
	}
	_ = server.Close()
	faulttest.AssertKind(t, client.Ready(t.Context(), at), fault.Unavailable)
	client.Close()
}
