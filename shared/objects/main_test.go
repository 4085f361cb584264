package objects_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/google/uuid"
	"github.com/rs/zerolog" //nolint:depguard // toxiproxy logs by it
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
)

func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxiproxy's own
	// A stopped proxy leaves the links that were full; everything else that runs is ours.
	const links = "github.com/Shopify/toxiproxy/v2"
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction(links+".(*ToxicLink).read"),
		goleak.IgnoreAnyFunction(links+".(*ToxicLink).write"),
		goleak.IgnoreAnyFunction(links+"/toxics.(*ToxicStub).Run"))
}

// unit is the smallest part of a profile.
const unit = 5 << 20

// world is a bucket with a key to write to.
type world struct {
	testing.TB
	*objects.Store
	tenant uuid.UUID
	key    objects.Key
}

func newWorld(t testing.TB) world {
	t.Helper()
	tenant := uuid.New()
	return world{TB: t, Store: objectstest.New(t), tenant: tenant, key: objects.UploadKey(tenant, uuid.New())}
}

// begin begins a multipart under the world's key.
func (w world) begin() objects.Multipart {
	w.Helper()
	m, err := w.CreateMultipart(w.Context(), w.key)
	w.must(err)
	return m
}

// put sends content as a part.
func (w world) put(m objects.Multipart, number int32, content []byte) objects.Part {
	w.Helper()
	part, err := w.PutPart(w.Context(), m, partOf(number, content), bytes.NewBuffer(content))
	w.must(err)
	return part
}

// upload makes an object of parts of the smallest size and returns its content.
func (w world) upload(parts int32) (objects.Object, []byte) {
	w.Helper()
	m, sent, all := w.begin(), []objects.Part(nil), []byte(nil)
	for n := range parts {
		content := random(unit)
		sent = append(sent, w.put(m, n+1, content))
		all = append(all, content...)
	}
	object, err := w.Complete(w.Context(), m, sent)
	w.must(err)
	return object, all
}

func (w world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func partOf(number int32, content []byte) objects.Part {
	return objects.Part{Number: number, Size: int64(len(content)), SHA256: ref.SumOf(content)}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
