package cache_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/17882237881/MaaS/shared/cache"
	"github.com/17882237881/MaaS/shared/env"
)

// encrypted returns a Redis that speaks TLS alone, and the file of its authority.
func encrypted(t *testing.T) (server *miniredis.Miniredis, authority string) {
	t.Helper()
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	server = miniredis.NewMiniRedis()
	if err := server.StartTLS(&tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	authority = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw})
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return server, authority
}

// output is a log that is read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) has(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Contains(o.text.String(), text)
}

func openWith(t *testing.T, log *output, vars map[string]string) (*cache.Store, error) {
	t.Helper()
	e := env.New("test", vars, slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	return cache.Open(e)
}

func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func TestARedisOfAnOwnAuthorityIsReached(t *testing.T) {
	t.Parallel()
	server, authority := encrypted(t)
	s, err := openWith(t, &output{}, map[string]string{"REDIS_URL": "rediss://" + server.Addr(), "REDIS_CA_FILE": authority})
	if err != nil {
		t.Fatal(err)
	}

	s.Announce(t.Context(), "scope", 7)

	within(t, "the floor is in Redis", func() bool { return server.Exists("maas:{scope}:floor") })
}

func TestARedisOfAnUnknownAuthorityIsLogged(t *testing.T) {
	t.Parallel()
	server, _ := encrypted(t)
	log := &output{}
	if _, err := openWith(t, log, map[string]string{"REDIS_URL": "rediss://" + server.Addr()}); err != nil {
		t.Fatal(err)
	}

	within(t, "the log says why", func() bool { return log.has("certificate signed by unknown authority") })
}

func TestAnAuthorityWithoutEncryptionIsRefused(t *testing.T) {
	t.Parallel()
	server, authority := encrypted(t)
	_, err := openWith(t, &output{}, map[string]string{"REDIS_URL": "redis://" + server.Addr(), "REDIS_CA_FILE": authority})
	if err == nil || !strings.Contains(err.Error(), "REDIS_CA ") {
		t.Errorf("the error is %v", err)
	}
}
