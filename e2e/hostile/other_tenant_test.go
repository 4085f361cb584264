package hostile

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestWhatATenantWasGivenIsNoUseToAnother has a stranger send page tokens, entity tags and idempotency keys of a tenant.
func TestWhatATenantWasGivenIsNoUseToAnother(t *testing.T) {
	t.Parallel()
	owner, stranger := the.Register(t), the.Register(t)
	theirs, others := owner.Site(), stranger.Site()
	ask := func(as e2etest.Site, in functiontest.Request) functiontest.Answer {
		in.Token = as.Token
		return as.Do(in)
	}
	keyed := functiontest.Request{
		Method: http.MethodPost, Path: "/v1/models", Body: `{"name":"digits"}`, Header: map[string]string{"Idempotency-Key": "the same of both"},
	}
	if made := ask(theirs, keyed); made.Status != http.StatusCreated {
		t.Fatalf("status %d: %s", made.Status, made.Body)
	}
	theirs.Post("/v1/models", `{"name":"second"}`, http.StatusCreated, nil)

	if made := ask(others, keyed); made.Status != http.StatusCreated || strings.Contains(string(made.Body), owner.Tenant) ||
		!strings.Contains(string(made.Body), stranger.Tenant) {
		t.Errorf("another's idempotency key is answered %d %s", made.Status, made.Body)
	}
	var list struct {
		Token string `json:"next_page_token"`
	}
	theirs.Must(functiontest.Request{Method: http.MethodGet, Path: "/v1/models?page_size=1", Token: theirs.Token}, http.StatusOK, &list)
	if list.Token == "" {
		t.Fatal("a list of two models has no second page")
	}
	second := "/v1/models?page_size=1&page_token=" + url.QueryEscape(list.Token)
	if answer := ask(theirs, functiontest.Request{Method: http.MethodGet, Path: second}); answer.Status != http.StatusOK {
		t.Errorf("a page token of one's own is answered %d %s", answer.Status, answer.Body)
	}
	ask(others, functiontest.Request{Method: http.MethodGet, Path: second}).AssertProblem(t, fault.Invalid, "page_token")

	path := "/v1/models/" + owner.Of("digits")
	tag := ask(theirs, functiontest.Request{Method: http.MethodGet, Path: path}).Header.Get("ETag")
	if tag == "" {
		t.Fatal("a model has no entity tag")
	}
	for _, condition := range []string{"If-None-Match", "If-Match"} {
		in := functiontest.Request{Method: http.MethodGet, Path: path, Header: map[string]string{condition: tag}}
		ask(others, in).AssertProblem(t, fault.NotFound)
	}
	change := functiontest.Request{Method: http.MethodDelete, Path: path, Header: map[string]string{"If-Match": tag}}
	ask(others, change).AssertProblem(t, fault.NotFound)
}
