package inference_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/openinference"
	pb "github.com/17882237881/MaaS/shared/proto/inference"
	maasv1 "github.com/17882237881/MaaS/shared/proto/maas/v1"
)

const twinPath = "/v2/models/acme/twin/versions/2.0.0/infer"

// newTwins makes a world in which acme/adder@1.0.0 and acme/twin@2.0.0 are deterministic and of the same files.
func newTwins(t testing.TB) *world {
	t.Helper()
	w := newDeterministic(t)
	var digest string
	adder := w.Ready("adder", "1.0.0", w.model.URL)
	w.Change(adder, func(r *maasv1.ResolveResponse) { r.Deterministic, digest = true, r.GetDigest() })
	w.Change(w.Ready("twin", "2.0.0", w.model.URL), func(r *maasv1.ResolveResponse) { r.Deterministic, r.Digest = true, digest })
	return w
}

// names are what an answer says of the call.
type names struct {
	Model   string `json:"model_name"`
	Version string `json:"model_version"`
	ID      string `json:"id"`
}

func (r reply) names(t testing.TB) (n names) {
	t.Helper()
	length, err := openinference.ParseHeaderLength(r.Header.Get(openinference.HeaderLength), len(r.body))
	if err == nil {
		err = json.Unmarshal(r.body[:length], &n)
	}
	if err != nil {
		t.Fatalf("the answer is %q: %v", r.body, err)
	}
	return n
}

func identified(id string) string { return strings.Replace(question, "{", `{"id":"`+id+`",`, 1) }

func TestAKeptAnswerNamesTheCallersModelVersionAndRequest(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	for _, call := range []struct {
		path, body, cache string
		names             names
	}{
		{path, identified("a"), "miss", names{"acme/adder", "1.0.0", "a"}},
		{path, identified("a"), "hit", names{"acme/adder", "1.0.0", "a"}},
		{path, identified("b"), "hit", names{"acme/adder", "1.0.0", "b"}},
		{path, question, "hit", names{"acme/adder", "1.0.0", ""}},
		{twinPath, question, "hit", names{"acme/twin", "2.0.0", ""}},
		{twinPath, identified("c"), "hit", names{"acme/twin", "2.0.0", "c"}},
	} {
		answer := w.ask(call.path, call.body).want(t, http.StatusOK)
		if got := answer.names(t); got != call.names || answer.Header.Get("X-Cache") != call.cache || answer.y(t) != "[2 3]" {
			t.Errorf("the answer to %s is %s, X-Cache %s, want %+v, %s", call.body, answer.body, answer.Header.Get("X-Cache"), call.names, call.cache)
		}
		if got := answer.Header.Get("X-Model-Version"); got != call.names.Version {
			t.Errorf("X-Model-Version is %s, want %s", got, call.names.Version)
		}
	}
}

func TestAKeptBinaryAnswerNamesTheCallersModel(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	const binary = `{"inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[1,2]}],"parameters":{"binary_data_output":true}}`
	w.ask(path, binary).want(t, http.StatusOK)

	answer := w.ask(twinPath, binary).want(t, http.StatusOK)

	if got := answer.names(t); got != (names{"acme/twin", "2.0.0", ""}) || answer.Header.Get("X-Cache") != "hit" {
		t.Errorf("the answer is %q, X-Cache %s", answer.body, answer.Header.Get("X-Cache"))
	}
	if y := float32s(answer.body[len(answer.body)-8:]); y[0] != 2 || y[1] != 3 {
		t.Errorf("y is %v", y)
	}
}

func TestAKeptAnswerOverGRPCNamesTheCallersModel(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	for _, call := range []struct {
		model, version, id, cache string
	}{{"acme/adder", "1.0.0", "a", "miss"}, {"acme/twin", "2.0.0", "b", "hit"}, {"acme/twin", "2.0.0", "", "hit"}} {
		in, out := inferRequest(call.model, call.version), &pb.ModelInferResponse{}
		in.Id = call.id
		header, err := w.invoke(t.Context(), "ModelInfer", in, out)
		if err != nil || header.Get("x-cache")[0] != call.cache {
			t.Fatalf("x-cache is %v, want %s; %v", header.Get("x-cache"), call.cache, err)
		}
		if out.GetModelName() != call.model || out.GetModelVersion() != call.version || out.GetId() != call.id || float32s(out.GetRawOutputContents()[0])[1] != 3 {
			t.Errorf("the answer is %v", out)
		}
	}
}

func TestRequestsInOtherWordsShareAnAnswer(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	head := `{"inputs":[{"shape":[2],"name":"x","parameters":{"binary_data_size":8},"datatype":"FP32"}]}`
	binary := head + string(appendFloat32(appendFloat32(nil, 1), 2))
	w.ask(path, question).want(t, http.StatusOK)
	for _, call := range []struct{ body, length string }{
		{strings.ReplaceAll(question, ",", " ,\n"), ""},
		{strings.Replace(question, "[1,2]", "[1.0, 0.2e1]", 1), ""},
		{`{"parameters":{},"outputs":[],"inputs":[{"data":[1,2],"shape":[2],"datatype":"FP32","name":"x"}]}`, ""},
		{binary, itoa(len(head))},
	} {
		for range 2 { // found by its meaning, and then by its bytes
			answer := w.ask(path, call.body, openinference.HeaderLength, call.length).want(t, http.StatusOK)
			if answer.Header.Get("X-Cache") != "hit" || answer.y(t) != "[2 3]" {
				t.Errorf("X-Cache is %s for %q: %s", answer.Header.Get("X-Cache"), call.body, answer.body)
			}
		}
	}
	other := w.ask(path, strings.Replace(question, `"inputs"`, `"parameters":{"binary_data_output":true},"inputs"`, 1)).want(t, http.StatusOK)
	if n := w.model.runs.Load(); n != 2 || other.Header.Get(openinference.HeaderLength) == "" {
		t.Errorf("%d runs, want 2: another form of the output is another answer", n)
	}
}

func TestVersionsOfTheSameFilesDoNotShareARun(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	release := w.model.hold()
	first := make(chan struct{})
	go func() { // ends when released
		defer close(first)
		_, _ = w.try(t.Context(), path, question)
	}()
	eventually(t, func() bool { return w.model.runs.Load() == 1 })
	go func() { // ends by itself
		eventually(t, func() bool { return w.model.runs.Load() == 2 })
		release()
	}()

	answer := w.ask(twinPath, question).want(t, http.StatusOK)

	<-first
	if answer.Header.Get("X-Cache") != "miss" || answer.Header.Get("X-Model-Version") != "2.0.0" || answer.names(t).Model != "acme/twin" {
		t.Errorf("the answer is %s with %v", answer.body, answer.Header)
	}
}

func TestCallsThatShareARunHaveTheirOwnIDs(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	release := w.model.hold()
	first := make(chan reply, 1)
	go func() { // ends when released
		answer, _ := w.try(t.Context(), path, identified("first"))
		first <- answer
	}()
	eventually(t, func() bool { return w.model.runs.Load() == 1 })
	go func() { // ends by itself
		time.Sleep(200 * time.Millisecond) // for the second to have joined
		release()
	}()

	other := w.ask(path, identified("second")).want(t, http.StatusOK)

	one := <-first
	if one.names(t).ID != "first" || other.names(t).ID != "second" {
		t.Errorf("the answers are %s and %s", one.body, other.body)
	}
}

func TestAnAnswerThatIsNotTheProtocolsIsNotKept(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	w.model.do(func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write([]byte("nonsense"))
		return true
	})
	for range 2 {
		if answer := w.ask(path, question).want(t, http.StatusOK); string(answer.body) != "nonsense" || answer.Header.Get("X-Cache") != "bypass" {
			t.Errorf("the answer is %s, X-Cache %s", answer.body, answer.Header.Get("X-Cache"))
		}
	}
}

func TestAMalformedRequestIsForTheModelServerToRefuse(t *testing.T) {
	t.Parallel()
	w := newDeterministic(t)
	w.ask(path, `{"inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[1]}]}`).want(t, http.StatusBadRequest)
	if n := w.model.runs.Load(); n != 1 {
		t.Errorf("%d runs", n)
	}
}
