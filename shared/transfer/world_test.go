package transfer_test

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog" //nolint:depguard // toxiproxy asks for one of its loggers
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/transfertest"
)

func TestMain(m *testing.M) {
	// A stopped proxy leaves the links that were full; everything else that runs is ours.
	const links = "github.com/Shopify/toxiproxy/v2"
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction(links+".(*ToxicLink).read"),
		goleak.IgnoreAnyFunction(links+".(*ToxicLink).write"),
		goleak.IgnoreAnyFunction(links+"/toxics.(*ToxicStub).Run"))
}

// lease is that of chunks in tests which wait for its end.
const lease = 300 * time.Millisecond

func shortLeases() map[string]string {
	return map[string]string{"MAAS_CHUNK_LEASE": lease.String(), "MAAS_VERIFY_LEASE": lease.String()}
}

// model returns a small ONNX file.
func model(t testing.TB) []byte {
	t.Helper()
	file, err := os.ReadFile("../formats/testdata/digits.onnx")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// large returns an ONNX file of three chunks.
func large(t testing.TB) []byte {
	t.Helper()
	return transfertest.Padded(model(t), 20<<20)
}

// object returns the bytes of an upload as the store has them.
func object(t testing.TB, w *transfertest.World, u api.Upload) []byte {
	t.Helper()
	content, err := w.Store.Get(t.Context(), objects.UploadKey(w.Owner.Tenant, uuid.UUID(u.ID)), u.Size)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// assertGone checks that the store has neither an object nor a multipart of the upload.
func assertGone(t testing.TB, w *transfertest.World, u api.Upload) {
	t.Helper()
	if _, err := w.Store.Head(t.Context(), objects.UploadKey(w.Owner.Tenant, uuid.UUID(u.ID))); !fault.Is(err, fault.NotFound) {
		t.Errorf("the object is still there (%v)", err)
	}
	if _, begun := multipart(t, w, u); begun {
		t.Error("the multipart is still there")
	}
}

// multipart returns the upload's multipart as the store has it.
func multipart(t testing.TB, w *transfertest.World, u api.Upload) (m objects.Multipart, begun bool) {
	t.Helper()
	for found, err := range w.Store.Unfinished(t.Context(), string(objects.UploadKey(w.Owner.Tenant, uuid.UUID(u.ID)))) {
		w.Must(err)
		m, begun = found.Multipart, true
	}
	return m, begun
}

// change runs a statement behind row-level security.
func change(t testing.TB, w *transfertest.World, sql string, args ...any) {
	t.Helper()
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, sql, args...)
		return err
	})
}

// count returns the number that the query selects.
func count(t testing.TB, w *transfertest.World, sql string, args ...any) (n int) {
	t.Helper()
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, sql, args...).Scan(&n) })
	return n
}

// through returns the address with a proxy in its way, which can break.
func through(t testing.TB, address string) (string, *toxiproxy.Proxy) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", tcp(t, u))
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	u.Host = proxy.Listen
	return u.String(), proxy
}

// tcp returns the address of the server that u names. A Postgres that listens on a socket (host= in the query) gets one, which u no longer hides.
func tcp(t testing.TB, u *url.URL) string {
	t.Helper()
	folder := u.Query().Get("host")
	if folder == "" {
		return u.Host
	}
	port := cmp.Or(u.Query().Get("port"), u.Port(), "5432")
	u.RawQuery = ""
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { // ends with the listener
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go relay(client, filepath.Join(folder, ".s.PGSQL."+port)) // ends with either side
		}
	}()
	return l.Addr().String()
}

func relay(client net.Conn, socket string) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	go func() { // ends with either side
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}

// tryChange is change for what must be refused.
func tryChange(t testing.TB, w *transfertest.World, sql string, args ...any) (refused error) {
	t.Helper()
	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		_, refused = conn.Exec(ctx, sql, args...)
		return nil
	})
	return refused
}

// interrupted returns the address of a store before which something is done when it is first asked for an upload's parts.
func interrupted(t testing.TB, address string, do func()) string {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Query().Has("uploadId") {
			do()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
