package host_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/httpapi"
)

var update = flag.Bool("update", false, "write testdata/authorization.golden anew")

const golden = "testdata/authorization.golden"

// TestEachRouteLetsInWhomTheGoldenFileSays asks every route, as every role and as keys, about resources of the caller's own tenant and of
// another one. What is the other tenant's must look as if it were not there, to whoever may use the route.
func TestEachRouteLetsInWhomTheGoldenFileSays(t *testing.T) {
	t.Parallel()
	w := begin(t, nil)
	got := w.table(t, w.rival(t))

	if *update {
		must(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if got != string(want) {
		t.Errorf("who may do what has changed; look at each line, then run the test with -update:\n%s", changed(string(want), got))
	}
}

// TestWhatAnotherTenantIsNotToldOfIsThere shows that the refusals of the table above are no accident: its owner gets an answer.
func TestWhatAnotherTenantIsNotToldOfIsThere(t *testing.T) {
	t.Parallel()
	w := begin(t, nil)
	theirs := w.rival(t)
	for _, path := range []string{"/v1/models/rival/secret", "/v1/models/rival/secret/versions/1.0.0", "/v1/uploads/" + theirs.upload} {
		w.API.Must(functiontest.Request{Method: http.MethodGet, Path: path, Token: theirs.token}, http.StatusOK, nil)
	}
	w.API.Must(functiontest.Request{Method: http.MethodDelete, Path: "/v1/api-keys/" + theirs.key, Token: theirs.token}, http.StatusNoContent, nil)
}

// others is what the tenant rival has, and its owner's token.
type others struct {
	subject

	token string
}

// rival makes a tenant with one resource of each kind.
func (w *world) rival(t *testing.T) others {
	t.Helper()
	token := w.Token(w.Tenant("rival"))
	post := func(path, body string) string {
		var made struct{ ID string }
		w.API.Must(functiontest.Request{Method: http.MethodPost, Path: path, Body: body, Token: token}, http.StatusCreated, &made)
		return made.ID
	}
	post("/v1/models", `{"name":"secret"}`)
	return others{token: token, subject: subject{
		model:  "rival/secret",
		upload: post("/v1/uploads", `{"model":"rival/secret","version":"1.0.0","filename":"a.onnx","size":1}`),
		key:    post("/v1/api-keys", `{"name":"theirs","scopes":["model:read"]}`),
	}}
}

type caller struct{ name, token string }

func (w *world) callers() []caller {
	all := []caller{{name: "anonymous"}}
	for _, role := range api.Roles() {
		all = append(all, caller{string(role), w.Token(w.Member(w.Owner, role))})
	}
	for _, scope := range []api.Scope{"inference:execute", "*:read", "model:*"} {
		all = append(all, caller{"key(" + string(scope) + ")", w.APIKey(w.Owner, scope)})
	}
	return all
}

// table returns a line for each route: own tenant/other tenant, by caller.
func (w *world) table(t *testing.T, theirs others) string {
	t.Helper()
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	callers := w.callers()
	fmt.Fprint(columns, "route")
	for _, c := range callers {
		fmt.Fprint(columns, "\t"+c.name)
	}
	for _, route := range httpapi.Routes() {
		fmt.Fprintf(columns, "\n%s", strings.TrimSuffix(route.Pattern, " /")) // of an event function: nothing is at its address outside
		if strings.HasSuffix(route.Pattern, " /") {
			fmt.Fprintf(columns, " /%s", route.Function)
		}
		for _, c := range callers {
			fmt.Fprint(columns, "\t"+w.cell(t, route, c, theirs.subject))
		}
	}
	fmt.Fprintln(columns)
	must(t, columns.Flush())
	return text.String()
}

func (w *world) cell(t *testing.T, route httpapi.Route, c caller, theirs subject) string {
	t.Helper()
	own := w.status(t, request(route, nothing), c.token)
	text := strconv.Itoa(own)
	if !route.Events && own != http.StatusUnauthorized && own != http.StatusForbidden {
		text = "yes"
	}
	if !names(route) {
		return text
	}
	return text + "/" + strconv.Itoa(w.status(t, request(route, theirs), c.token))
}

// status asks, and leaves before the answer's body: some never end.
func (w *world) status(t *testing.T, in functiontest.Request, token string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, in.Method, w.API.URL+in.Path, strings.NewReader(in.Body))
	must(t, err)
	if json.Valid([]byte(in.Body)) {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for name, value := range in.Header {
		r.Header.Set(name, value)
	}
	answer, err := w.API.Client.Do(r)
	must(t, err)
	must(t, answer.Body.Close())
	return answer.StatusCode
}

// changed returns the lines that differ, as they were and as they are.
func changed(before, after string) string {
	var text strings.Builder
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	for i := range max(len(was), len(is)) {
		a, b := "", ""
		if i < len(was) {
			a = was[i]
		}
		if i < len(is) {
			b = is[i]
		}
		if a != b {
			fmt.Fprintf(&text, "- %s\n+ %s\n", a, b)
		}
	}
	return text.String()
}
