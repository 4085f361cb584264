package objects_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog" //nolint:depguard // toxiproxy asks for one of its loggers

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
)

// wire is a world whose store is reached through a proxy that can break, with short timeouts.
type wire struct {
	world
	proxy *toxiproxy.Proxy
}

const soon = 500 * time.Millisecond // the timeouts of a wire

func newWire(t testing.TB) wire {
	t.Helper()
	vars := objectstest.Environment(t)
	endpoint, err := url.Parse(vars["S3_ENDPOINT"])
	if err != nil {
		t.Fatal(err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", endpoint.Host)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Stop)
	endpoint.Host = proxy.Listen
	vars["S3_ENDPOINT"] = endpoint.String()
	vars["S3_ANSWER_TIMEOUT"], vars["S3_STALL_TIMEOUT"], vars["S3_DIAL_TIMEOUT"] = soon.String(), soon.String(), soon.String()
	vars["S3_COMMIT_TIMEOUT"] = (4 * soon).String()
	w := newWorld(t)
	w.Store = objectstest.Open(t, vars)
	return wire{w, proxy}
}

// poison makes the wire bad: kind and attributes are toxiproxy's.
func (w wire) poison(stream, kind, attributes string) {
	w.Helper()
	toxic := fmt.Sprintf(`{"name":"toxic","type":%q,"stream":%q,"attributes":{%s}}`, kind, stream, attributes)
	_, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
	w.must(err)
}

func (w wire) heal() { w.must(w.proxy.Toxics.RemoveToxic(context.Background(), "toxic")) }

// assertAway runs an act and checks that it says in seconds that the store is away.
func (w wire) assertAway(act func() error) {
	w.Helper()
	const bearable = 10 * time.Second
	begin := time.Now()
	faulttest.AssertKind(w, act(), fault.Unavailable)
	if took := time.Since(begin); took > bearable {
		w.Errorf("it took %s to say so", took)
	}
}

// send sends content as the first part.
func (w wire) send(m objects.Multipart, content []byte) error {
	_, err := w.PutPart(w.Context(), m, partOf(1, content), bytes.NewBuffer(content))
	return err
}

func TestAStoreThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	m := w.begin()
	w.proxy.Stop()
	content := random(1000)

	for name, act := range map[string]func() error{
		"Ready":     func() error { return w.Ready(t.Context()) },
		"Head":      func() error { _, err := w.Head(t.Context(), w.key); return err },
		"Get":       func() error { _, err := w.Get(t.Context(), w.key, 1); return err },
		"PutPart":   func() error { return w.send(m, content) },
		"ListParts": func() error { _, err := w.ListParts(t.Context(), m); return err },
		"Complete":  func() error { _, err := w.Complete(t.Context(), m, []objects.Part{partOf(1, content)}); return err },
		"Abort":     func() error { return w.Abort(t.Context(), m) },
		"Delete":    func() error { return w.Delete(t.Context(), w.key) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.assertAway(act)
		})
	}
}

func TestAConnectionThatIsCutInsideOfAPartLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	m, content := w.begin(), random(unit)
	w.poison("upstream", "limit_data", `"bytes":1000000`)

	w.assertAway(func() error { return w.send(m, content) })

	w.heal()
	if parts, err := w.ListParts(t.Context(), m); err != nil || len(parts) != 0 {
		t.Errorf("the store keeps %v, %v", parts, err)
	}
	w.put(m, 1, content)
}

func TestAStoreThatHangsInsideOfAPartIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	m, content := w.begin(), random(4*unit) // more than the buffers on the way
	w.poison("upstream", "timeout", `"timeout":0`)

	w.assertAway(func() error { return w.send(m, content) })
}

func TestAStoreThatDoesNotAnswerIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	m, content := w.begin(), random(1000)
	w.poison("downstream", "timeout", `"timeout":0`)

	w.assertAway(func() error { return w.send(m, content) })
	w.assertAway(func() error { _, err := w.Head(t.Context(), w.key); return err })
}

func TestAStoreThatStopsSendingIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	object, _ := w.upload(4)
	body, err := w.Range(t.Context(), w.key, 0, object.Size)
	w.must(err)
	w.poison("downstream", "timeout", `"timeout":0`)

	w.assertAway(func() error { _, err := io.Copy(io.Discard, body); return err })
	w.must(body.Close())
}

func TestASlowBodyGoesOnAsLongAsItMoves(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	m := w.begin()
	const rate = 10_000 // KB/s: the part takes four times the timeouts
	w.poison("upstream", "bandwidth", fmt.Sprintf(`"rate":%d`, rate))

	w.put(m, 1, random(4*unit))
}

func TestACompleteWhoseAnswerIsLostSucceedsWhenItIsCalledAgain(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	m := w.begin()
	parts := []objects.Part{w.put(m, 1, random(unit)), w.put(m, 2, random(10))}
	w.poison("downstream", "reset_peer", `"timeout":0`)
	w.assertAway(func() error { _, err := w.Complete(t.Context(), m, parts); return err })
	w.heal()

	object, err := w.Complete(t.Context(), m, parts)

	if err != nil || object.Size != unit+10 {
		t.Errorf("the object is %v, %v", object, err)
	}
	faulttest.AssertKind(t, w.Abort(t.Context(), m), fault.Conflict)
}

func TestAFetchThatBrokeOffGoesOnInsideOfAFile(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	uri, dir := w.version(map[string][]byte{"small": []byte("small"), "large": random(8 * unit)}), t.TempDir()
	w.poison("downstream", "bandwidth", `"rate":5000`) // KB/s, of each connection
	var progress objects.Progress
	fetched := make(chan error, 1)
	go func() { // ends with the fetch
		_, err := objects.Fetch(t.Context(), w.Store, uri, dir, objects.WithProgress(&progress))
		fetched <- err
	}()
	for progress.Loaded.Load() < unit/2 {
		time.Sleep(time.Millisecond)
	}
	w.proxy.Stop()
	faulttest.AssertKind(t, <-fetched, fault.Unavailable)
	w.heal()
	w.must(w.proxy.Start())

	progress = objects.Progress{}
	_, err := objects.Fetch(t.Context(), w.Store, uri, dir, objects.WithProgress(&progress))
	w.must(err)

	if there, loaded, total := progress.There.Load(), progress.Loaded.Load(), progress.Total.Load(); there < unit/2 || there+loaded != total {
		t.Errorf("of %d bytes %d were there and %d were loaded", total, there, loaded)
	}
}

func TestAPatientFetchWaitsForAStoreThatComesBack(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	uri := w.version(map[string][]byte{"a": random(unit)})
	w.proxy.Stop()
	var progress objects.Progress
	fetched := make(chan error, 1)
	go func() { // ends with the fetch
		_, err := objects.Fetch(t.Context(), w.Store, uri, t.TempDir(), objects.WithPatience(time.Minute), objects.WithProgress(&progress))
		fetched <- err
	}()
	for progress.Waiting() == nil {
		time.Sleep(time.Millisecond)
	}

	w.must(w.proxy.Start())

	w.must(<-fetched)
}

func TestADeadlineIsATimeoutAndNoOutage(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.poison("downstream", "timeout", `"timeout":0`)
	ctx, cancel := context.WithTimeout(t.Context(), soon/5)
	defer cancel()

	_, err := w.Head(ctx, w.key)

	faulttest.AssertKind(t, err, fault.Timeout)
}
