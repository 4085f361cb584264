package host_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/shared/functiontest"
	"github.com/17882237881/MaaS/shared/invarianttest"
	"github.com/17882237881/MaaS/shared/openinferencetest"
)

// TestTheJourneyEndsRightWhateverBecomesOfItsEvents pushes and publishes two versions of a model at the same time, while the broker does
// what brokers may do.
func TestTheJourneyEndsRightWhateverBecomesOfItsEvents(t *testing.T) {
	t.Parallel()
	for name, tr := range map[string]trouble{
		"none":                   {},
		"each is lost":           {lose: true},
		"each comes twice":       {twice: true},
		"they come in reverse":   {reverse: true},
		"all of it, at the same": {lose: true, twice: true, reverse: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := begin(t, tr.wrap)
			j := journey{w, t, w.Token(w.Owner)}
			j.must("POST", "/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
			uploads := []string{j.push("1.0.0", "digits.onnx"), j.push("1.1.0", "digits-v2.onnx")}
			for _, id := range uploads {
				j.await("/v1/uploads/"+id, `"status":"ready"`)
			}
			j.must("POST", "/v1/models/acme/digits/versions/1.1.0/publish", `{"aliases":["production"]}`, http.StatusAccepted, nil)
			j.must("POST", "/v1/models/acme/digits/versions/1.0.0/publish", `{}`, http.StatusAccepted, nil)
			j.await("/v1/models/acme/digits/versions/1.0.0", `"status":"ready"`)
			j.await("/v1/models/acme/digits/versions/1.1.0", `"status":"ready"`)

			j.await("/v1/models/acme/digits/versions/production", `"version":"1.1.0"`)
			j.await("/v1/models/acme/digits/versions/v1.0", `"version":"1.0.0"`)
			j.await("/v1/models/acme/digits", `"latest":"1.1.0"`)
			j.infers("/v2/models/acme/digits/infer", "digits-v2")
			j.infers("/v2/models/acme/digits/versions/1.0.0/infer", "digits")
			j.hurry()
			invarianttest.Installation{Vars: w.vars}.Check(t)
		})
	}
}

// journey is a user's way by plain HTTP.
type journey struct {
	*world

	t     *testing.T
	token string
}

func (j journey) must(method, path, body string, status int, out any) {
	j.t.Helper()
	j.API.Must(functiontest.Request{Method: method, Path: path, Body: body, Token: j.token}, status, out)
}

// push uploads a file of one chunk and completes it; its verification goes on by events.
func (j journey) push(version, file string) (upload string) {
	j.t.Helper()
	content := testdata(j.t, file)
	var made struct{ ID string }
	j.must("POST", "/v1/uploads", fmt.Sprintf(`{"model":"acme/digits","version":%q,"filename":"model.onnx","size":%d}`, version, len(content)),
		http.StatusCreated, &made)
	sum := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(sum[:])
	j.API.Must(functiontest.Request{
		Method: "PUT", Path: "/v1/uploads/" + made.ID + "/chunks/0", Body: content, Token: j.token, Header: map[string]string{"X-Chunk-SHA256": digest},
	}, http.StatusOK, nil)
	j.must("POST", "/v1/uploads/"+made.ID+"/complete", `{"chunks":["`+digest+`"]}`, http.StatusAccepted, nil)
	return made.ID
}

// await asks until the answer has the text; each time it lets the minutes pass after which lost events are posted again.
func (j journey) await(path, text string) {
	j.t.Helper()
	var answer functiontest.Answer
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		answer = j.API.Do(functiontest.Request{Method: "GET", Path: path, Token: j.token})
		if strings.Contains(string(answer.Body), text) {
			return
		}
		j.hurry()
	}
	j.t.Fatalf("%s has not become %s: %d %s", path, text, answer.Status, answer.Body)
}

// hurry makes all events due that are not done, and posts them again.
func (j journey) hurry() {
	j.t.Helper()
	j.Postgres.Owner(j.t, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `update outbox set next_at = now() where done_at is null and time < now() - interval '300 ms'`)
		return err
	})
	must(j.t, j.Host.Sweep(j.t.Context()))
}

// infers calls a model with the request of testdata and compares with the answer there.
func (j journey) infers(path, name string) {
	j.t.Helper()
	got := j.API.Must(functiontest.Request{Method: "POST", Path: path, Body: testdata(j.t, name+"-request.json"), Token: j.token}, http.StatusOK, nil)
	openinferencetest.AssertClose(j.t, got.Body, []byte(testdata(j.t, name+"-expected.json")))
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("../../../e2e/testdata/" + name)
	must(t, err)
	return string(content)
}

func TestAHostThatStopsHasItsLastCallsInTheLedger(t *testing.T) {
	t.Parallel()
	w := begin(t, nil)
	j := journey{w, t, w.Token(w.Owner)}
	j.must("POST", "/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	j.await("/v1/uploads/"+j.push("1.0.0", "digits.onnx"), `"status":"ready"`)
	j.must("POST", "/v1/models/acme/digits/versions/1.0.0/publish", `{}`, http.StatusAccepted, nil)
	j.await("/v1/models/acme/digits/versions/1.0.0", `"status":"ready"`)
	const calls = 3
	for range calls {
		j.infers("/v2/models/acme/digits/versions/1.0.0/infer", "digits")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	w.Host.Stop(ctx)

	w.Postgres.Owner(t, func(ctx context.Context, conn *pgx.Conn) error {
		var metered int
		err := conn.QueryRow(ctx, `select count(*) from usage_events`).Scan(&metered)
		if metered != calls {
			t.Errorf("%d calls are in the ledger, want %d", metered, calls)
		}
		return err
	})
}
