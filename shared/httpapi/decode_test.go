package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/auth"
)

func TestWrongInputIsNamedByItsField(t *testing.T) {
	t.Parallel()
	const path = "/things/acme/fraud"
	long := strings.Repeat("x", 200)
	cases := map[string]struct {
		path, body string
		headers    []string
		want       []string
	}{
		"nothing":          {path, "", nil, []string{"title: is required"}},
		"null":             {path, `{"title": null}`, nil, []string{"title: is required"}},
		"unknown":          {path, `{"title": "a", "colour": 1}`, nil, []string{"colour: is not a known field"}},
		"other case":       {path, `{"Title": "a"}`, nil, []string{"Title: is not a known field", "title: is required"}},
		"twice":            {path, `{"title": "a", "title": "b"}`, nil, []string{"title: is given more than once"}},
		"wrong type":       {path, `{"title": 7}`, nil, []string{"title: must be a string"}},
		"too large":        {path, `{"title": "a", "count": 128}`, nil, []string{"count: must be a whole number of at most 8 bits"}},
		"fraction":         {path, `{"title": "a", "count": 1.5}`, nil, []string{"count: must be a whole number of at most 8 bits"}},
		"no UUID":          {path, `{"title": "a", "owner": "me"}`, nil, []string{"owner: must be a UUID"}},
		"no array":         {path, `{"title": "a", "parts": {}}`, nil, []string{"parts: must be an array"}},
		"no object":        {path, `{"title": "a", "metadata": []}`, nil, []string{"metadata: must be an object"}},
		"within an array":  {path, `{"title": "a", "parts": [{"version": "1.0.0", "weight": 1}, {"version": "1.0.0"}]}`, nil, []string{"parts[1].weight: is required"}},
		"within a map":     {path, `{"title": "a", "metadata": {"k": 1}}`, nil, []string{"metadata.k: must be a string"}},
		"twice in a map":   {path, `{"title": "a", "metadata": {"k": "1", "k": "2"}}`, nil, []string{"metadata.k: is given more than once"}},
		"several":          {path, `{"count": "a", "x": 1}`, nil, []string{"count: must be a whole number of at most 8 bits", "x: is not a known field", "title: is required"}},
		"unknown query":    {path + "?colour=1", `{"title": "a"}`, nil, []string{"colour: is not a known query parameter"}},
		"doubled query":    {path + "?loud=true&loud=true", `{"title": "a"}`, nil, []string{"loud: is given more than once"}},
		"wrong query":      {path + "?level=1&level=256", `{"title": "a"}`, nil, []string{"level: must be a whole number from 0 to 255"}},
		"malformed query":  {path + "?loud=%zz", `{"title": "a"}`, nil, []string{"query: is not well-formed (application/x-www-form-urlencoded)"}},
		"malformed tag":    {path, `{"title": "a"}`, []string{"If-Match", `a`}, []string{`If-Match: is *, or a list of entity tags in quotes like "a1b2", "c3d4"`}},
		"ignored tag":      {path, `{"title": "a"}`, []string{"If-None-Match", `*`}, []string{"If-None-Match: is not supported by this route; leave it out"}},
		"wrong media type": {path, `{"title": "a"}`, []string{"Content-Type", "text/plain"}, []string{"Content-Type: The Content-Type of the body must be application/json."}},
		"no media type":    {path, `{"title": "a"}`, []string{"Content-Type", ""}, []string{"Content-Type: The Content-Type of the body must be application/json."}},
		"other charset":    {path, `{"title": "a"}`, []string{"Content-Type", "application/json; charset=latin1"}, []string{"Content-Type: The Content-Type of the body must be application/json."}},
		"compressed":       {path, `{"title": "a"}`, []string{"Content-Encoding", "gzip"}, []string{"Content-Encoding: The body must not be compressed."}},
		"long name":        {path, `{"title": "a", "` + long + `": 1}`, nil, []string{long[:80] + "…: is not a known field"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t)
			Handle(a.Mux, "POST /things/{t}/{m}", func(context.Context, auth.Principal, thing) (struct{}, error) { return struct{}{}, nil })
			if got := a.call(http.MethodPost, c.path, c.body, c.headers...).wrong(); !slices.Equal(got, c.want) {
				t.Errorf("wrong is %q, want %q", got, c.want)
			}
		})
	}
}

func TestABodyThatIsNoJSONObjectIsInvalid(t *testing.T) {
	t.Parallel()
	for body, detail := range map[string]string{
		`{"title": "a"`:          "The body is not one JSON value: unexpected end of JSON input, at byte 13.",
		`{"title": "a"} {}`:      "The body is not one JSON value: invalid character '{' after top-level value, at byte 16.",
		`["a"]`:                  "The body must be a JSON object.",
		" null":                  "The body must be a JSON object.",
		"{\"title\": \"a\xff\"}": "title has bytes that are not UTF-8.",
	} {
		a := newAPI(t)
		Handle(a.Mux, "POST /things/{t}/{m}", func(context.Context, auth.Principal, thing) (struct{}, error) { return struct{}{}, nil })
		if got := a.call(http.MethodPost, "/things/acme/fraud", body).problem("invalid").Detail; got != detail {
			t.Errorf("%s: detail is %q, want %q", body, got, detail)
		}
	}
}

func TestALargeBodyIsTooLarge(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	Handle(a.Mux, "POST /things/{t}/{m}", func(context.Context, auth.Principal, thing) (struct{}, error) { return struct{}{}, nil })

	body := `{"title": "` + strings.Repeat("x", maxBody) + `"}`
	p := a.call(http.MethodPost, "/things/acme/fraud", body).problem("too_large")

	if p.Detail != "The body is larger than 1,048,576 bytes." {
		t.Errorf("detail is %q", p.Detail)
	}
}

func TestABadPathIsInvalid(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	Handle(a.Mux, "POST /things/{t}/{m}", func(context.Context, auth.Principal, thing) (struct{}, error) { return struct{}{}, nil })

	wrong := a.call(http.MethodPost, "/things/acme/No_Name", `{"title": "a"}`).wrong()

	if len(wrong) != 1 || !strings.HasPrefix(wrong[0], "t/m: A name has 1 to 63 lowercase letters") {
		t.Errorf("wrong is %q", wrong)
	}
}

func TestARightRequestArrivesWhole(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	var got thing
	Handle(a.Mux, "POST /things/{t}/{m}", func(_ context.Context, _ auth.Principal, in thing) (struct{}, error) {
		got = in
		return struct{}{}, nil
	})

	a.call(http.MethodPost, "/things/acme/fraud?level=1&level=2&loud=true",
		`{"title": "a <b>", "count": -3, "owner": "0190c5f0-0000-7000-8000-000000000001", "parts": [{"version": "1.2.3", "weight": 0.5}], "metadata": {"k": "v"}}`,
		"If-Match", `"seven"`, "Content-Type", "application/json; charset=UTF-8").ok(http.StatusCreated)

	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Model":"acme/fraud","title":"a \u003cb\u003e","count":-3,"owner":"0190c5f0-0000-7000-8000-000000000001",` +
		`"parts":[{"version":"1.2.3","weight":0.5}],"metadata":{"k":"v"},"Tag":"\"seven\"","Level":"AQI=","Loud":true}`
	if string(text) != want {
		t.Errorf("request is\n%s, want\n%s", text, want)
	}
}

func TestARequestTypeThatNothingFillsIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]any{
		"no tag": struct{ Name string }{},
		"no text": struct {
			Path struct{} `path:"p"`
		}{},
		"not a struct": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("the type is taken")
				}
			}()
			planOf(reflect.TypeOf(request))
		})
	}
}

// FuzzStrict holds that what strict takes, encoding/json takes with the same result, and that nothing makes it panic.
func FuzzStrict(f *testing.F) {
	for _, seed := range []string{
		`{"title":"a"}`, `{"title":"a","parts":[{"version":"1.2.3","weight":1e3}]}`, `{"title":"\u0000","metadata":{"":""}}`, `{"title":null}`,
		`{"title":"a","owner":"0190c5f0-0000-7000-8000-000000000001","count":-128}`, `{"title":"a","title":"b"}`, `[]`, `{"parts":[null,{}]}`,
	} {
		f.Add([]byte(seed))
	}
	plan := planOf(reflect.TypeFor[thing]())
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
		r.Header.Set("Content-Type", "application/json")
		r.SetPathValue("t", "acme")
		r.SetPathValue("m", "fraud")
		var got thing
		if plan.fill(reflect.ValueOf(&got).Elem(), r, body) != nil {
			return
		}
		var want thing
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("taken, but encoding/json says %v", err)
		}
		want.Model = got.Model
		gotText, _ := json.Marshal(got)
		wantText, _ := json.Marshal(want)
		if !bytes.Equal(gotText, wantText) {
			t.Fatalf("reads %s, encoding/json %s", gotText, wantText)
		}
	})
}
