package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/shared/auth"
)

// newList has a list of the numbers below 120.
func newList(t *testing.T) *testAPI {
	t.Helper()
	a := newAPI(t)
	Handle(a.Mux, "GET /things", func(_ context.Context, _ auth.Principal, in listing) (page.Page[int], error) {
		first, _ := strconv.Atoi(in.After)
		var items []int
		for n := first; n < 120 && len(items) <= in.Size; n++ {
			items = append(items, n)
		}
		return page.Of(in.Request, items, func(last int) string { return strconv.Itoa(last + 1) }), nil
	})
	return a
}

func (r result) page() page.Page[int] {
	r.t.Helper()
	var p page.Page[int]
	if err := json.Unmarshal(r.ok(http.StatusOK).Body.Bytes(), &p); err != nil {
		r.t.Fatal(err)
	}
	return p
}

func TestPagesFollowEachOtherToTheEnd(t *testing.T) {
	t.Parallel()
	a := newList(t)
	var got []int
	var sizes []int
	token := ""
	for {
		p := a.call(http.MethodGet, "/things?page_token="+url.QueryEscape(token), "").page()
		got, sizes = append(got, p.Items...), append(sizes, len(p.Items))
		if token = p.Next; token == "" {
			break
		}
	}
	if len(got) != 120 || got[119] != 119 || len(sizes) != 3 || sizes[0] != page.DefaultSize {
		t.Errorf("pages of %v give %v", sizes, got)
	}
}

func TestPageSizesAreBounded(t *testing.T) {
	t.Parallel()
	a := newList(t)
	if n := len(a.call(http.MethodGet, "/things?page_size=7", "").page().Items); n != 7 {
		t.Errorf("a page of 7 has %d", n)
	}
	for _, size := range []string{"0", "201", "-1", "x", ""} {
		if wrong := a.call(http.MethodGet, "/things?page_size="+size, "").wrong(); len(wrong) != 1 || wrong[0] != "page_size: must be a whole number from 1 to 200" {
			t.Errorf("page_size=%s: wrong is %q", size, wrong)
		}
	}
}

func TestAPageTokenIsGoodForItsOwnListAlone(t *testing.T) {
	t.Parallel()
	a := newList(t)
	token := a.call(http.MethodGet, "/things?status=draft&page_size=5", "").page().Next
	a.call(http.MethodGet, "/things?page_size=9&status=draft&page_token="+token, "").ok(http.StatusOK)

	for _, query := range []string{"page_token=" + token, "status=published&page_token=" + token, "status=draft&page_token=" + token[1:], "page_token=x"} {
		if wrong := a.call(http.MethodGet, "/things?"+query, "").wrong(); len(wrong) != 1 {
			t.Errorf("%s: wrong is %q", query, wrong)
		}
	}
}

func TestAnEmptyListIsAnArray(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	Handle(a.Mux, "GET /things", func(context.Context, auth.Principal, listing) (*page.Page[int], error) { return &page.Page[int]{}, nil })
	if body := a.call(http.MethodGet, "/things", "").ok(http.StatusOK).Body.String(); body != `{"items":[],"next_page_token":""}`+"\n" {
		t.Errorf("answer is %s", body)
	}
}

func TestCursorsOpenWhatTheySealed(t *testing.T) {
	t.Parallel()
	c := cursors{key: make([]byte, 32)}
	rapid.Check(t, func(t *rapid.T) {
		list, cursor := rapid.String().Draw(t, "list"), rapid.StringN(1, -1, 1000).Draw(t, "cursor")
		if got, err := c.open(list, c.seal(list, cursor)); err != nil || got != cursor {
			t.Fatalf("open gives %q, %v", got, err)
		}
	})
}

func FuzzCursor(f *testing.F) {
	c := cursors{key: make([]byte, 32)}
	f.Add("", "")
	f.Add("list", c.seal("list", "cursor"))
	f.Add("list", "AAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, list, token string) {
		cursor, err := c.open(list, token)
		if err == nil && c.seal(list, cursor) != token {
			t.Fatalf("%q opens as %q, which it does not seal", token, cursor)
		}
	})
}
