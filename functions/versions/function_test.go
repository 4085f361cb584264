package function

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/catalogtest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
	"github.com/17882237881/MaaS/shared/postgres"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const root = "/v1/models/acme/fraud"

// world is a model with versions 1.0.0 and 1.1.0, which run; production leads to 1.1.0, after 1.0.0.
type world struct {
	*catalogtest.World
	*functiontest.Function

	model ref.Model
	vars  map[string]string
	token string
}

func newWorld(t *testing.T, more ...string) world {
	t.Helper()
	w := catalogtest.New(t)
	vars := maps.Clone(w.Vars)
	maps.Copy(vars, objectstest.Environment(t))
	for _, name := range more {
		delete(vars, name)
	}
	m := w.Model("fraud")
	w.Ready(m, "1.0.0", "production")
	w.Ready(m, "1.1.0", "production")
	return world{w, functiontest.Start(t, "versions", New(), vars), m, vars, w.Token(w.Owner)}
}

func (w world) get(path string) functiontest.Request {
	return functiontest.Request{Method: http.MethodGet, Path: path, Token: w.token}
}

func (w world) send(method, path, body string) functiontest.Request {
	return functiontest.Request{Method: method, Path: path, Token: w.token, Body: body}
}

func TestVersionsAreReadByVersionAliasAndRange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for selector, want := range map[string]string{"1.0.0": "1.0.0", "latest": "1.1.0", "production": "1.1.0", "~1.0": "1.0.0", "1.x": "1.1.0"} {
		var v api.Version
		w.Must(w.get(root+"/versions/"+selector), http.StatusOK, &v)
		if v.Version.String() != want || v.Deployment.Status != "ready" || v.Deployment.Phases.Load != 3 {
			t.Errorf("%s is %+v", selector, v)
		}
	}
	var list page.Page[api.Version]
	w.Must(w.get(root+"/versions?status=published&page_size=1"), http.StatusOK, &list)
	w.Must(w.get(root+"/versions?status=published&page_size=1&page_token="+list.Next), http.StatusOK, &list)
	if len(list.Items) != 1 || list.Items[0].Version.String() != "1.0.0" {
		t.Errorf("the second page is %+v", list)
	}
	var ancestry api.Ancestry
	w.Must(w.get(root+"/versions/1.0.0/lineage"), http.StatusOK, &ancestry)
	var manifest api.Manifest
	w.Must(w.get(root+"/versions/1.0.0/manifest"), http.StatusOK, &manifest)
	var comparison api.Comparison
	w.Must(w.get(root+"/compare/1.0.0...latest"), http.StatusOK, &comparison)
	if len(manifest.Files) != 1 || len(comparison.Files.Changed) != 1 {
		t.Errorf("%+v, %+v", manifest, comparison)
	}
}

func TestAVersionThatIsKnownIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.get(root + "/versions/1.0.0")
	in.Header = map[string]string{"If-None-Match": w.Must(in, http.StatusOK, nil).Header.Get("ETag")}
	w.Must(in, http.StatusNotModified, nil)
}

func TestReadingRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Must(w.send(http.MethodPost, root+"/versions/1.0.0/retire", ""), http.StatusOK, nil)
	rival := w.Token(w.Other())
	w.AssertNeedsCredential(t, w.get(root+"/versions/1.1.0"))
	w.AssertRefuses(t, w.get(root+"/versions/1.1.0"), map[string]functiontest.Refusal{
		"another tenant":        {Token: rival, Kind: fault.NotFound, Fields: []string{"model"}},
		"another's files":       {Path: root + "/versions/1.1.0/files/model.onnx", Token: rival, Kind: fault.NotFound},
		"another's list":        {Path: root + "/versions", Token: rival, Kind: fault.NotFound},
		"another's aliases":     {Path: root + "/aliases", Token: rival, Kind: fault.NotFound},
		"no such version":       {Path: root + "/versions/9.0.0", Kind: fault.NotFound, Fields: []string{"version"}},
		"bad reference":         {Path: root + "/versions/!", Kind: fault.Invalid, Fields: []string{"ref"}},
		"build metadata":        {Path: root + "/versions/1.0.0+build", Kind: fault.Invalid, Fields: []string{"ref"}},
		"retired":               {Path: root + "/versions/1.0.0", Kind: fault.Gone},
		"a retired manifest":    {Path: root + "/versions/1.0.0/manifest", Kind: fault.Gone},
		"a retired file":        {Path: root + "/versions/1.0.0/files/model.onnx", Kind: fault.Gone},
		"no such file":          {Path: root + "/versions/1.1.0/files/none", Kind: fault.NotFound, Fields: []string{"path"}},
		"a path that climbs":    {Path: root + "/versions/1.1.0/files/%2e%2e/x", Kind: fault.Invalid, Fields: []string{"path"}},
		"no such status":        {Path: root + "/versions?status=ready", Kind: fault.Invalid, Fields: []string{"status"}},
		"a pair of one":         {Path: root + "/compare/1.0.0", Kind: fault.Invalid, Fields: []string{"range"}},
		"a pair with a gap":     {Path: root + "/compare/1.0.0...9.9.9", Kind: fault.NotFound, Fields: []string{"version"}},
		"no such alias":         {Path: root + "/aliases/none/history", Kind: fault.NotFound, Fields: []string{"alias"}},
		"a caller may not read": {Token: w.Token(w.Member(w.Owner, api.Caller)), Kind: fault.Forbidden},
	})
}

func TestAnAliasIsSetListedAndRolledBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var a api.Alias
	w.Must(w.send(http.MethodPut, root+"/aliases/canary", `{"traffic":[{"version":"1.0.0","weight":80},{"version":"1.1.0","weight":20}]}`), http.StatusOK, &a)
	if len(a.Traffic) != 2 || a.Kind != api.AliasSet {
		t.Errorf("%+v", a)
	}
	w.Must(w.send(http.MethodPost, root+"/aliases/production/rollback", `{}`), http.StatusOK, &a)
	if a.Traffic[0].Version.String() != "1.0.0" || a.Previous[0].Version.String() != "1.1.0" {
		t.Errorf("%+v", a)
	}
	var list page.Page[api.Alias]
	w.Must(w.get(root+"/aliases"), http.StatusOK, &list)
	var moves page.Page[api.AliasMove]
	w.Must(w.get(root+"/aliases/production/history"), http.StatusOK, &moves)
	if len(list.Items) != 6 || len(moves.Items) != 3 || moves.Items[0].MovedBy != w.Owner.Actor() {
		t.Errorf("%d aliases, moves %+v", len(list.Items), moves.Items)
	}
}

func TestSettingRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.send(http.MethodPut, root+"/aliases/canary", `{"version":"1.0.0"}`)
	w.AssertNeedsCredential(t, good)
	w.AssertRefuses(t, good, map[string]functiontest.Refusal{
		"nothing":        {Body: `{}`, Kind: fault.Invalid, Fields: []string{"version", "traffic"}},
		"unknown field":  {Body: `{"version":"1.0.0","x":1}`, Kind: fault.Invalid, Fields: []string{"x"}},
		"wrong type":     {Body: `{"version":1}`, Kind: fault.Invalid, Fields: []string{"version"}},
		"an alias":       {Body: `{"version":"latest"}`, Kind: fault.Invalid, Fields: []string{"version"}},
		"sum of 90":      {Body: `{"traffic":[{"version":"1.0.0","weight":90}]}`, Kind: fault.Invalid, Fields: []string{"traffic"}},
		"no such":        {Body: `{"version":"9.0.0"}`, Kind: fault.Conflict, Fields: []string{"version"}},
		"derived":        {Path: root + "/aliases/v1", Kind: fault.Unprocessable, Fields: []string{"alias"}},
		"a version":      {Path: root + "/aliases/v1.2.3", Kind: fault.Unprocessable, Fields: []string{"alias"}},
		"a range":        {Path: root + "/aliases/%5E1", Kind: fault.Unprocessable, Fields: []string{"alias"}},
		"only if there":  {Header: map[string]string{"If-Match": `*`}, Kind: fault.PreconditionFailed, Fields: []string{"If-Match"}},
		"only if absent": {Path: root + "/aliases/production", Header: map[string]string{"If-None-Match": `*`}, Kind: fault.PreconditionFailed, Fields: []string{"If-None-Match"}},
		"bad alias":      {Path: root + "/aliases/Canary", Kind: fault.Invalid, Fields: []string{"alias"}},
		"other state":    {Header: map[string]string{"If-Match": `"x"`}, Kind: fault.PreconditionFailed},
		"bad If-Match":   {Header: map[string]string{"If-Match": `x`}, Kind: fault.Invalid, Fields: []string{"If-Match"}},
		"another tenant": {Token: w.Token(w.Other()), Kind: fault.NotFound},
		"a viewer":       {Token: w.Token(w.Member(w.Owner, api.Viewer)), Kind: fault.Forbidden},
		"too large":      {Body: functiontest.MaxBody(), Kind: fault.TooLarge},
	})
	w.AssertRefuses(t, w.send(http.MethodPost, root+"/aliases/production/rollback", `{}`), map[string]functiontest.Refusal{
		"to nowhere":         {Path: root + "/aliases/v1.0/rollback", Kind: fault.Conflict, Fields: []string{"alias"}},
		"of nothing":         {Path: root + "/aliases/none/rollback", Kind: fault.NotFound, Fields: []string{"alias"}},
		"never there":        {Body: `{"to":"2.0.0"}`, Kind: fault.Conflict, Fields: []string{"to"}},
		"bad version":        {Body: `{"to":"x"}`, Kind: fault.Invalid, Fields: []string{"to"}},
		"force as text":      {Body: `{"force":"yes"}`, Kind: fault.Invalid, Fields: []string{"force"}},
		"rival's rollback":   {Token: w.Token(w.Tenant("third")), Kind: fault.NotFound},
		"rollback unmatched": {Header: map[string]string{"If-Match": `"x"`}, Kind: fault.PreconditionFailed},
	})
}

func TestAVersionsLifeIsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Draft(w.model, "2.0.0", "model.onnx")
	var v api.Version
	w.Must(w.send(http.MethodPatch, root+"/versions/2.0.0", `{"changelog":"new","metadata":{"a":1}}`), http.StatusOK, &v)
	if v.Changelog != "new" {
		t.Errorf("%+v", v)
	}
	answer := w.Must(w.send(http.MethodPost, root+"/versions/1.0.0/deprecate", `{"reason":"old","sunset":"2126-01-01T00:00:00Z"}`), http.StatusOK, &v)
	if answer.Header.Get("Sunset") != "Tue, 01 Jan 2126 00:00:00 GMT" || v.Status != api.VersionDeprecated {
		t.Errorf("%v, %+v", answer.Header, v)
	}
	w.Must(w.send(http.MethodPost, root+"/versions/1.0.0/retire", `{}`), http.StatusOK, &v)
	if v.Status != api.VersionRetired {
		t.Errorf("%+v", v)
	}
}

func TestChangingALifeRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Draft(w.model, "2.0.0", "model.onnx")
	deprecate := w.send(http.MethodPost, root+"/versions/1.0.0/deprecate", `{"reason":"old","sunset":"2126-01-01T00:00:00Z"}`)
	w.AssertNeedsCredential(t, deprecate)
	w.AssertRefuses(t, deprecate, map[string]functiontest.Refusal{
		"missing":       {Body: `{}`, Kind: fault.Invalid, Fields: []string{"reason", "sunset"}},
		"past sunset":   {Body: `{"reason":"old","sunset":"2006-01-01T00:00:00Z"}`, Kind: fault.Invalid, Fields: []string{"sunset"}},
		"no time":       {Body: `{"reason":"old","sunset":"tomorrow"}`, Kind: fault.Invalid, Fields: []string{"sunset"}},
		"empty reason":  {Body: `{"reason":"","sunset":"2126-01-01T00:00:00Z"}`, Kind: fault.Invalid, Fields: []string{"reason"}},
		"a draft":       {Path: root + "/versions/2.0.0/deprecate", Kind: fault.Conflict, Fields: []string{"version"}},
		"by an alias":   {Path: root + "/versions/latest/deprecate", Kind: fault.Invalid, Fields: []string{"v"}},
		"no such":       {Path: root + "/versions/9.0.0/deprecate", Kind: fault.NotFound, Fields: []string{"version"}},
		"not a rival's": {Token: w.Token(w.Other()), Kind: fault.NotFound},
	})
	w.AssertRefuses(t, w.send(http.MethodPatch, root+"/versions/2.0.0", `{"changelog":"x"}`), map[string]functiontest.Refusal{
		"published":     {Path: root + "/versions/1.0.0", Kind: fault.Conflict, Fields: []string{"version"}},
		"unknown field": {Body: `{"status":"published"}`, Kind: fault.Invalid, Fields: []string{"status"}},
		"wrong type":    {Body: `{"changelog":[]}`, Kind: fault.Invalid, Fields: []string{"changelog"}},
		"unmatched":     {Header: map[string]string{"If-Match": `"x"`}, Kind: fault.PreconditionFailed},
	})
	w.Do(w.send(http.MethodPost, root+"/versions/1.1.0/retire", `{}`)).AssertProblem(t, fault.Conflict, "version") // production leads to it
}

// stored attaches a file with real bytes to a new draft.
func (w world) stored(t *testing.T, content []byte) {
	t.Helper()
	store := objectstest.Open(t, w.vars)
	key := objects.UploadKey(w.Owner.Tenant, uuid.New())
	if err := store.Put(t.Context(), key, content); err != nil {
		t.Fatal(err)
	}
	w.Transfer(func(ctx context.Context, tx postgres.Tx) error {
		draft, err := catalog.OpenDraft(ctx, tx, nil, w.Owner, catalog.DraftRequest{Model: w.model, Version: catalogtest.Version("3.0.0")})
		if err != nil {
			return err
		}
		_, err = catalog.AttachFile(ctx, tx, catalog.Attach{VersionID: draft.ID, Path: "a/model.onnx", Artifact: catalog.Artifact{
			Digest: ref.SumOf(content), ObjectKey: string(key), Size: int64(len(content)), Format: "onnx",
		}})
		return err
	})
}

const file = root + "/versions/3.0.0/files/a/model.onnx"

func TestAFilesBytesAreStreamedWithRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "S3_PUBLIC_ENDPOINT")
	content := bytes.Repeat([]byte("0123456789"), 100_000)
	w.stored(t, content)
	whole := w.Must(w.get(file), http.StatusOK, nil)
	if !bytes.Equal(whole.Body, content) || whole.Header.Get("ETag") != `"`+ref.SumOf(content).String()+`"` || whole.Header.Get("Repr-Digest") == "" {
		t.Errorf("%d bytes, %v", len(whole.Body), whole.Header)
	}
	in := w.get(file)
	in.Header = map[string]string{"Range": "bytes=999995-"}
	if part := w.Must(in, http.StatusPartialContent, nil); string(part.Body) != "56789" || part.Header.Get("Content-Range") != "bytes 999995-999999/1000000" {
		t.Errorf("%q, %v", part.Body, part.Header)
	}
	in.Header = map[string]string{"Range": "bytes=1000000-"}
	w.Must(in, http.StatusRequestedRangeNotSatisfiable, nil)
	in.Header = map[string]string{"If-None-Match": whole.Header.Get("ETag")}
	w.Must(in, http.StatusNotModified, nil)
}

func TestAPublicStoreIsAskedForTheBytesItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := []byte("model bytes")
	w.stored(t, content)
	w.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer := w.Must(w.get(file), http.StatusTemporaryRedirect, nil)
	w.Client.CheckRedirect = nil
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, answer.Header.Get("Location"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	defer http.DefaultClient.CloseIdleConnections()
	got := new(bytes.Buffer)
	if _, err := got.ReadFrom(response.Body); err != nil || got.String() != string(content) {
		t.Errorf("the store gave %q, %v", got, err)
	}
	if got := response.Header.Get("Content-Disposition"); got != fmt.Sprintf("attachment; filename=%s", "model.onnx") {
		t.Errorf("the file is called %q", got)
	}
}

func TestAFileWhoseObjectIsMissingIsOurFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "S3_PUBLIC_ENDPOINT")
	w.Do(w.get(root+"/versions/1.0.0/files/model.onnx")).AssertProblem(t, fault.Unavailable) // its row names an object that was never stored
}
