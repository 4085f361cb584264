package maas

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/page"
)

func TestAnAnswerThatLacksWhatItNeedsIsAFailure(t *testing.T) {
	t.Parallel()
	const version = `"model":"acme/a","version":"1.0.0","status":"draft","deployment":{"status":"none"}`
	for answer, test := range map[string]struct {
		into any
		want string // of the message; "" for success
	}{
		`{}`:                {new(api.Version), "is empty"},
		"null\n":            {new(api.Me), "is empty"},
		`{"x":1}`:           {new(api.Version), `lacks "model"`},
		`{"tenant":""}`:     {new(api.Me), "cannot be read"},
		`{"tenant":"a"}`:    {new(api.Me), ""},
		`{"other":"any"}`:   {new(map[string]any), ""},
		`{` + version + `}`: {new(api.Version), ""},
		`{` + version + `,"files":[{"path":"a","size":1}]}`:    {new(api.Version), `lacks "files[].sha256"`},
		`{"next_page_token":""}`:                               {new(page.Page[api.Model]), `lacks "items"`},
		`{"items":[{"x":1}],"next_page_token":""}`:             {new(page.Page[api.Model]), `lacks "items[].model"`},
		`{"items":[],"next_page_token":""}`:                    {new(page.Page[api.Model]), ""},
		`{"items":[{` + version + `,"files":[{"path":"a"}]}]}`: {new(page.Page[api.Version]), `lacks "items[].files[].size"`},
		`[]`:              {new(api.Version), "cannot be read"},
		`<html>hi</html>`: {new(api.Me), "cannot be read"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
		c, err := New(server.URL, WithToken("t"))
		if err != nil {
			t.Fatal(err)
		}
		err = c.do(t.Context(), "GET /", nil, test.into)
		c.Close()
		server.Close()
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", answer, err)
			}
			continue
		}
		faulttest.AssertKind(t, err, fault.Upstream)
		if said := fault.From(err).Message; !strings.Contains(said, test.want) {
			t.Errorf("%s: it says %q", answer, said)
		}
	}
}
