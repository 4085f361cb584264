package main

import (
	"encoding/pem"
	"maps"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
)

// TestFetchesWithAccessForReadingAlone uses the account of our own S3 server that the pods of a cluster have.
func TestFetchesWithAccessForReadingAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := random(6 << 20)
	uri := w.version(content)
	missing := w.version([]byte("missing"))
	w.must(w.Delete(t.Context(), objects.ManifestKey(w.tenant, missing.Digest)))
	owner := w.Store
	w.vars = maps.Clone(w.vars)
	for _, name := range []string{"ACCESS_KEY_ID", "SECRET_ACCESS_KEY"} {
		if w.vars["S3_READER_"+name] == "" {
			t.Fatalf("S3_READER_%s is not set: run the tests under `bin/maas stores -- go test ...`, as `make test` does", name)
		}
		w.vars["S3_"+name] = w.vars["S3_READER_"+name]
	}

	w.fetch(0, uri)

	w.assertModel(content)
	if said, _ := w.fetch(3, missing); !strings.Contains(said, "the bytes of the manifest are missing") {
		t.Errorf("of a version that is missing it said %s", said)
	}
	reader, manifest := objectstest.Open(t, w.vars), objects.ManifestKey(w.tenant, uri.Digest)
	if err := reader.Delete(t.Context(), manifest); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("it deletes: %v", err)
	}
	if _, err := owner.Get(t.Context(), manifest, objects.MaxManifest); err != nil {
		t.Errorf("the manifest after it was to be deleted: %v", err)
	}
	for _, err := range reader.List(t.Context(), objects.Prefix) {
		if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("it lists: %v", err)
		}
	}
}

// TestTrustsTheAuthorityOfTheStore gives the certificate as a ConfigMap does, which has no files.
func TestTrustsTheAuthorityOfTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := random(1 << 20)
	uri := w.version(content)
	target, err := url.Parse(w.vars["S3_ENDPOINT"])
	w.must(err)
	server := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}})
	t.Cleanup(server.Close)
	endpoint := "S3_ENDPOINT=" + server.URL

	if said, p := w.fetch(1, uri, endpoint); said != "the object store is away; try again" || !strings.Contains(p.stderr.String(), "S3_CA") {
		t.Errorf("of a store whose authority is unknown it said %s: %s", said, p.stderr.String())
	}
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	w.fetch(0, uri, endpoint, "S3_CA="+string(authority))

	w.assertModel(content)
}
