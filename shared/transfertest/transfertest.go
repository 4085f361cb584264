// Package transfertest gives tests a world in which files can be uploaded: a tenant with a model, a database, a bucket.
package transfertest

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/identitytest"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
	"github.com/17882237881/MaaS/shared/outbox"
	"github.com/17882237881/MaaS/shared/transfer"
)

// Model returns the model that the world's tenant has.
func Model() ref.Model { return ref.Model{Tenant: "acme", Name: "digits"} }

// World is identitytest's, with a bucket, the model acme/digits and transfer's use cases. Its events go nowhere but to the outbox: Verify
// does what verify-upload would.
type World struct {
	*identitytest.World
	*transfer.Transfers

	Store *objects.Store
	t     testing.TB
}

// New returns a new world with a bucket and the model acme/digits. settings are added to its environment variables. It is removed when the test
// ends.
func New(t testing.TB, settings ...map[string]string) *World {
	t.Helper()
	w := &World{World: identitytest.New(t), t: t}
	maps.Copy(w.Vars, objectstest.Environment(t))
	for _, more := range settings {
		maps.Copy(w.Vars, more)
	}
	w.Transfers = w.Open(w.Vars)
	w.Store = objectstest.Open(t, w.Vars)
	w.NewModel(w.Owner, Model().Name)
	return w
}

// Open opens the use cases as another process would, with the environment variables vars. They are closed when the test ends.
func (w *World) Open(vars map[string]string) *transfer.Transfers {
	w.t.Helper()
	e := env.New("test", vars, slog.New(slog.DiscardHandler))
	w.t.Cleanup(func() { _ = e.Close(context.Background()) })
	transfers, err := transfer.Open(w.t.Context(), e)
	if err != nil {
		w.t.Fatal(err)
	}
	return transfers
}

// NewModel creates a model of the name in the principal's tenant.
func (w *World) NewModel(who auth.Principal, name ref.Name) {
	w.t.Helper()
	events, err := outbox.Open(w.t.Context(), w.Env)
	w.Must(err)
	_, err = catalog.New(w.Postgres.DB, events, nil).CreateModel(w.t.Context(), who, api.CreateModelRequest{Name: name})
	w.Must(err)
}

// Wanted returns a request for an upload of size bytes to acme/digits@1.0.0, as model.onnx.
func Wanted(size int) api.CreateUploadRequest {
	version, err := ref.ParseVersion("1.0.0")
	if err != nil {
		panic(err)
	}
	return api.CreateUploadRequest{Model: Model(), Version: version, Filename: "model.onnx", Size: int64(size)}
}

// MustBegin begins an upload as the owner, and returns it. The test ends on an error, as in the functions below.
func (w *World) MustBegin(in api.CreateUploadRequest) api.Upload {
	w.t.Helper()
	begun, err := w.Begin(w.t.Context(), w.Owner, in)
	w.Must(err)
	return begun.Upload
}

// MustSend sends all chunks of a file, and returns their digests.
func (w *World) MustSend(u api.Upload, file []byte) []ref.Digest {
	w.t.Helper()
	var digests []ref.Digest
	for n, chunk := range Cut(u, file) {
		c := ChunkOf(u, n, chunk)
		_, err := w.Receive(w.t.Context(), w.Owner, c, bytes.NewBuffer(chunk))
		w.Must(err)
		digests = append(digests, c.SHA256)
	}
	return digests
}

// MustComplete begins an upload, sends the file and completes it. It returns the upload, which is not verified yet.
func (w *World) MustComplete(in api.CreateUploadRequest, file []byte) api.Upload {
	w.t.Helper()
	u := w.MustBegin(in)
	done, err := w.Complete(w.t.Context(), w.Owner, api.CompleteRequest{ID: u.ID, Chunks: w.MustSend(u, file)})
	w.Must(err)
	return done.Upload
}

// MustVerify runs the steps of an upload's verification until it has ended, and returns the upload.
func (w *World) MustVerify(id api.ID) api.Upload {
	w.t.Helper()
	const most = 100
	for range most {
		w.Must(w.Verify(w.t.Context(), w.Owner.Tenant, uuid.UUID(id)))
		if u := w.MustFind(id); u.Status.Ended() {
			return u
		}
	}
	w.t.Fatalf("the upload did not end in %d steps", most)
	return api.Upload{}
}

// MustFind returns an upload in its present state.
func (w *World) MustFind(id api.ID) api.Upload {
	w.t.Helper()
	u, err := w.Find(w.t.Context(), w.Owner, api.GetUploadRequest{ID: id})
	w.Must(err)
	return u
}

// Must ends the test on an error.
func (w *World) Must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// Cut returns the file in the chunks that the upload asks for.
func Cut(u api.Upload, file []byte) [][]byte {
	layout := u.Layout()
	chunks := make([][]byte, u.Count)
	for n := range chunks {
		chunks[n] = file[layout.Offset(n):layout.Offset(n+1)]
	}
	return chunks
}

// ChunkOf returns the chunk n of an upload with its size and digest.
func ChunkOf(u api.Upload, n int, chunk []byte) transfer.Chunk {
	return transfer.Chunk{Upload: uuid.UUID(u.ID), Index: n, Size: int64(len(chunk)), SHA256: ref.SumOf(chunk)}
}

// Padded returns an ONNX file of about size bytes: the model with a description that fills it. size must be at least the model's.
func Padded(model []byte, size int) []byte {
	const docString = 6 // of ModelProto, onnx.proto3
	file := protowire.AppendTag(bytes.Clone(model), docString, protowire.BytesType)
	return protowire.AppendBytes(file, bytes.Repeat([]byte("padding "), (size-len(model))/8))
}
