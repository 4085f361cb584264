package host_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/cmd/maas/host"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
	"github.com/17882237881/MaaS/shared/postgres"
)

// site is all functions in this process with real stores, without a broker and without model servers of our own: what stands in the database stays.
//
// Its model acme/fraud has 1.0.0 and 1.1.0, which are ready where nothing answers, 1.2.0, which is retired, 1.3.0, which has not started, 1.4.0 to 1.6.0,
// which are ready, and 2.0.0 and 2.1.0, which are drafts without and with a file. acme/echo@1.0.0 and acme/picky@1.0.0 are ready at a model server. acme/broken@1.0.0 failed.
type site struct {
	*catalogtest.World
	*functiontest.Function
	subject

	t     *testing.T
	token string
	vars  map[string]string
	// called says that the request held has reached the model server.
	called atomic.Bool
	key    int // of the last request with an Idempotency-Key
}

const (
	nobody    = "nobody"        // as a token: none
	untilOver = "Test-Deadline" // a header: when the request's context ends, in milliseconds

	maxUploads = 10 // of a tenant that are open at once

	held = `{"id":"held","inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]}`
)

// openSite starts the functions, which end with the test.
func openSite(t *testing.T) *site {
	t.Helper()
	s := &site{World: catalogtest.New(t), t: t}
	s.token = s.Token(s.Owner)
	s.vars = maps.Clone(s.Vars)
	maps.Copy(s.vars, objectstest.Environment(t))
	delete(s.vars, "S3_PUBLIC_ENDPOINT")
	maps.Copy(s.vars, map[string]string{
		"MAAS_POLICY_CODE":    "refuse",
		"MAAS_INFER_MAX_BODY": "65536", "MAAS_INFER_MEMORY": "1048576", "MAAS_INFER_CONCURRENCY": "1", "MAAS_UPLOAD_FOLLOWERS": "4", "MAAS_UPLOAD_MAX_OPEN": strconv.Itoa(maxUploads),
	})
	s.mount()
	s.fill()
	return s
}

// mount starts the functions and their two listeners.
func (s *site) mount() {
	s.t.Helper()
	functions, handlers := host.Functions(), map[string]http.Handler{}
	for name, f := range functions {
		handlers[name] = f
	}
	internal := httptest.NewUnstartedServer(httpapi.Internal(handlers))
	internal.Config.Protocols = new(http.Protocols)
	internal.Config.Protocols.SetUnencryptedHTTP2(true) // gRPC
	internal.Start()
	s.t.Cleanup(internal.Close)
	s.vars["MAAS_REGISTRY_URL"], s.vars["MAAS_IDENTITY_URL"] = internal.URL, internal.URL
	e := env.New("maas", s.vars, slog.New(slog.DiscardHandler))
	s.t.Cleanup(func() { must(s.t, e.Close(context.Background())) })
	names := slices.DeleteFunc(slices.Collect(maps.Keys(functions)), func(name string) bool { return name == "infer" })
	for _, name := range append(names, "infer") { // which asks the others
		must(s.t, functions[name].Mount(s.t.Context(), e.For(name)))
		s.t.Cleanup(func() { must(s.t, functions[name].Stop(context.Background())) })
	}
	public := httptest.NewServer(bounded(httpapi.Public(handlers)))
	s.t.Cleanup(public.Close)
	s.Function = functiontest.At(s.t, public.URL, s.vars)
}

// bounded ends a request's context when the header says, as a deadline of the host would.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if after, err := strconv.Atoi(r.Header.Get(untilOver)); err == nil {
			ctx, cancel := context.WithTimeout(r.Context(), time.Duration(after)*time.Millisecond)
			defer cancel()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// fill makes what the requests are about.
func (s *site) fill() {
	s.t.Helper()
	fraud := s.Model("fraud")
	s.Ready(fraud, "1.0.0", "production", "staging")
	canary := s.Ready(fraud, "1.4.0", "canary")
	s.Ready(fraud, "1.1.0", "production", "canary")
	for _, version := range []string{"1.2.0", "1.5.0", "1.6.0"} {
		s.Ready(fraud, version)
	}
	s.ok("POST", "/v1/models/acme/fraud/versions/1.2.0/retire", `{}`, 200)
	s.Published(fraud, "1.3.0")
	s.Draft(fraud, "2.0.0")
	s.stored(fraud)
	broken := s.Ready(s.Model("broken"), "1.0.0")
	s.fail(canary)
	s.fail(broken)

	server := s.modelServer()
	for _, name := range []ref.Name{"echo", "picky"} {
		id := s.Published(s.Model(name), "1.0.0")
		must(s.t, s.Deployments.Begin(s.t.Context(), s.Owner.Tenant, id))
		must(s.t, s.Deployments.Ready(s.t.Context(), s.Owner.Tenant, id, server, api.StartPhases{Schedule: 1, Fetch: 2, Load: 3}))
	}

	s.subject = subject{model: "acme/fraud", upload: s.upload("3.0.0"), key: nothing.key}
}

// stored makes the draft 2.1.0, whose file model.onnx is in the store.
func (s *site) stored(m ref.Model) {
	s.t.Helper()
	content := []byte("model bytes")
	key := objects.UploadKey(s.Owner.Tenant, uuid.New())
	must(s.t, objectstest.Open(s.t, s.vars).Put(s.t.Context(), key, content))
	s.Transfer(func(ctx context.Context, tx postgres.Tx) error {
		draft, err := catalog.OpenDraft(ctx, tx, nil, s.Owner, catalog.DraftRequest{Model: m, Version: catalogtest.Version("2.1.0")})
		if err != nil {
			return err
		}
		_, err = catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: draft.ID, Path: "model.onnx", Artifact: catalog.Artifact{
			Digest: ref.SumOf(content), ObjectKey: string(key), Size: int64(len(content)), Format: "onnx",
		}})
		return err
	})
}

// fail reports that a version no longer runs, and cannot start.
func (s *site) fail(version uuid.UUID) {
	s.t.Helper()
	s.exec(`update deployments set status = 'failed', reason = 'a test', endpoint = '', updated_at = now() - interval '1 hour' where version_id = $1`, version)
}

func (s *site) exec(sql string, values ...any) {
	s.t.Helper()
	s.Postgres.Owner(s.t, func(ctx context.Context, conn *pgx.Conn) error { _, err := conn.Exec(ctx, sql, values...); return err })
}

// upload begins the upload of a file of one byte into a version of acme/fraud, and returns its id.
func (s *site) upload(version string) string {
	s.t.Helper()
	var made struct{ ID string }
	s.Must(functiontest.Request{
		Method: "POST", Path: "/v1/uploads", Token: s.token,
		Body: fmt.Sprintf(`{"model":"acme/fraud","version":%q,"filename":"a.onnx","size":1}`, version),
	}, http.StatusCreated, &made)
	return made.ID
}

func (s *site) ok(method, path, body string, status int) {
	s.t.Helper()
	s.Must(functiontest.Request{Method: method, Path: path, Body: body, Token: s.token}, status, nil)
}

// modelServer starts a model server that refuses all requests, but does not answer the request held, and returns its address.
func (s *site) modelServer() string {
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), `"held"`) {
			s.called.Store(true)
			<-over
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(`{"error":"The input is refused."}`))
	}))
	s.t.Cleanup(server.Close)
	s.t.Cleanup(func() { close(over) })
	return server.URL
}

// hold begins a request that goes on until the test ends, and waits until it is under way: until its answer begins, or underWay, which may be nil.
func (s *site) hold(in functiontest.Request, underWay func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, in.Method, s.URL+in.Path, strings.NewReader(in.Body))
	must(s.t, err)
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	var status atomic.Int64
	done := make(chan struct{})
	go func() { // ends with the test
		defer close(done)
		answer, err := s.Client.Do(r)
		if err != nil {
			return
		}
		status.Store(int64(answer.StatusCode))
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}()
	s.t.Cleanup(func() { cancel(); <-done })
	for status.Load() != http.StatusOK && (underWay == nil || !underWay()) {
		if status.Load() != 0 {
			s.t.Fatalf("%s %s is answered %d", in.Method, in.Path, status.Load())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// limited returns an API key that lacks the permission.
func (s *site) limited(permission api.Permission) string {
	scope := api.Scope("usage:read")
	if permission == "usage:read" {
		scope = "model:read"
	}
	return s.APIKey(s.Owner, scope)
}

// ask sends a provocation to a route.
func (s *site) ask(route httpapi.Route, p provocation) functiontest.Answer {
	s.t.Helper()
	about := s.subject
	if p.about != nil {
		about = *p.about
	}
	in := request(route, about)
	_, path, _ := strings.Cut(route.Pattern, " ")
	in.Path = expand(strings.NewReplacer(p.in...).Replace(path), about) + p.query
	header := maps.Clone(in.Header)
	if p.header != nil {
		header = maps.Clone(p.header)
	}
	if header == nil {
		header = map[string]string{}
	}
	in.Header = header
	switch p.token {
	case "":
		in.Token = s.token
	case nobody:
	default:
		in.Token = p.token
	}
	if p.before != nil {
		p.before()
	}
	if p.first != "" {
		s.key++
		header["Idempotency-Key"] = strconv.Itoa(s.key)
		in.Body = p.first
		s.Must(in, route.Success(), nil)
	}
	if p.body != "" {
		in.Body = p.body
	}
	if p.at != nil {
		return p.at.Do(in)
	}
	return s.Do(in)
}
