//go:build cluster

package cluster

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
)

// TestWhereModelsRunTheStoreCanOnlyBeRead uses what the namespace of model servers has of the store.
func TestWhereModelsRunTheStoreCanOnlyBeRead(t *testing.T) {
	t.Parallel()
	vars := installation(t)
	owner := objectstest.Open(t, vars)
	key := objects.UploadKey(uuid.New(), uuid.New())
	e2etest.Must(t, owner.Put(t.Context(), key, []byte("bytes")))
	t.Cleanup(func() { e2etest.Must(t, owner.Delete(context.Background(), key)) })
	vars["S3_ACCESS_KEY_ID"] = secret(t, models, "maas-store", "access-key-id")
	vars["S3_SECRET_ACCESS_KEY"] = secret(t, models, "maas-store", "secret-access-key")
	reader := objectstest.Open(t, vars)

	if content, err := reader.Get(t.Context(), key, 10); err != nil || string(content) != "bytes" {
		t.Errorf("it reads %q (%v)", content, err)
	}
	_, begins := reader.CreateMultipart(t.Context(), key)
	for what, err := range map[string]error{
		"write": reader.Put(t.Context(), objects.UploadKey(uuid.New(), uuid.New()), []byte("x")), "delete": reader.Delete(t.Context(), key), "begin an upload": begins,
	} {
		if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, err := range reader.List(t.Context(), objects.Prefix) {
		if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Fatalf("list: %v", err)
		}
	}
}

// TestATamperedObjectIsNotServed changes a verified model's bytes in the store, as whoever has the store's credentials can.
func TestATamperedObjectIsNotServed(t *testing.T) {
	t.Parallel()
	breaks(t)
	u := register(t)
	digits, file := u.Of("digits"), e2etest.Content(t, "digits.onnx")
	u.Maas("push", digits+"@1.0.0", e2etest.Data("digits.onnx")).Ends(0, "verified")
	store, db := objectstest.Open(t, installation(t)), database(t)
	key := objects.Key(one[string](t, db, `select object_key from artifacts a join tenants t on t.id = a.tenant_id where t.name = $1`, u.Tenant))
	overwrite := func(content []byte) {
		ctx := context.Background() // the test's has ended when it cleans up
		e2etest.Must(t, store.Delete(ctx, key))
		e2etest.Must(t, store.Put(ctx, key, content))
	}
	t.Cleanup(func() { overwrite(file) })
	tampered := bytes.Clone(file)
	tampered[len(tampered)/2] ^= 1
	overwrite(tampered)

	u.Maas("publish", digits+"@1.0.0").Ends(1, "cannot be served", e2etest.Digest(file))
	s := u.Site()
	answer := s.Do(functiontest.Request{
		Method: http.MethodPost, Path: "/v2/models/" + digits + "/versions/1.0.0/infer", Token: s.Token,
		Body: string(e2etest.Content(t, "digits-request.json")), Header: map[string]string{"X-Request-Timeout": "20000"},
	})
	if answer.Status < http.StatusInternalServerError || !strings.Contains(string(answer.Body), "problems/") {
		t.Errorf("a call of it is answered %d: %s", answer.Status, answer.Body)
	}
	const entries = `select coalesce(string_agg(why, '; '), 'nothing') from audit_entries where action = 'deployment.failed' and resource = $1`
	if why := one[string](t, db, entries, digits+"@1.0.0"); !strings.Contains(why, e2etest.Digest(file)) {
		t.Errorf("the audit log says %s", why)
	}

	overwrite(file)
	await(t, "the right bytes are served", 3*time.Minute, func() (string, bool) {
		said := u.Maas("infer", digits+"@1.0.0", "-f", e2etest.Data("digits-request.json"))
		return said.Stderr, said.Status == 0
	})
	u.Infers(digits, "digits")
}
