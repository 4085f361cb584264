package objects_test

import (
	"encoding/pem"
	"log/slog"
	"maps"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
)

// encrypted returns the environment of a store behind TLS, and the certificate of its authority, in PEM.
func encrypted(t *testing.T) (vars map[string]string, authority []byte) {
	t.Helper()
	vars = maps.Clone(objectstest.Environment(t))
	target, err := url.Parse(vars["S3_ENDPOINT"])
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}})
	t.Cleanup(server.Close)
	vars["S3_ENDPOINT"] = server.URL
	return vars, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func TestAStoreOfAnOwnAuthorityIsReached(t *testing.T) {
	t.Parallel()
	vars, authority := encrypted(t)
	vars["S3_CA_FILE"] = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(vars["S3_CA_FILE"], authority, 0o600); err != nil {
		t.Fatal(err)
	}
	store := objectstest.Open(t, vars)

	if err := store.Put(t.Context(), "t/encrypted", []byte("bytes")); err != nil {
		t.Fatal(err)
	}
	if content, err := store.Get(t.Context(), "t/encrypted", 10); err != nil || string(content) != "bytes" {
		t.Errorf("%q (%v)", content, err)
	}
}

func TestAStoreOfAnUnknownAuthorityIsRefusedWithTheSetting(t *testing.T) {
	t.Parallel()
	vars, _ := encrypted(t)
	store := objectstest.Open(t, vars)

	_, err := store.Get(t.Context(), "t/encrypted", 10)

	faulttest.AssertKind(t, err, fault.Unavailable)
	if !strings.Contains(err.Error(), "S3_CA_FILE") || strings.Contains(fault.From(err).Message, "S3_CA_FILE") { // for the log, not for callers
		t.Errorf("the error is %v", err)
	}
}

func TestAnAuthorityThatCannotBeUsedIsNamed(t *testing.T) {
	t.Parallel()
	for address, authority := range map[string]string{"https://store.example": "no certificate", "http://store.example": pemOf(t)} {
		e := env.New("test", map[string]string{"S3_ENDPOINT": address, "S3_CA": authority}, slog.New(slog.DiscardHandler))
		if _, err := objects.Open(t.Context(), e); err == nil || !strings.Contains(err.Error(), "S3_CA ") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func pemOf(t *testing.T) string {
	t.Helper()
	_, authority := encrypted(t)
	return string(authority)
}
