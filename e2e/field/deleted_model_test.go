//go:build !cluster

package field

import (
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestAModelsUploadsEndWithIt deletes a model with as many open uploads as a tenant may have.
func TestAModelsUploadsEndWithIt(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	s := u.Site()
	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	file := e2etest.Content(t, "digits.onnx")
	const most = 20 // MAAS_UPLOAD_MAX_OPEN
	var uploads []string
	for range most {
		uploads = append(uploads, s.BeginUpload(u.Of("digits"), "1.0.0", len(file)))
	}
	digest := s.Chunk(uploads[0], file)
	full := functiontest.Request{
		Method: http.MethodPost, Path: "/v1/uploads", Token: s.Token,
		Body: `{"model":"` + u.Of("digits") + `","version":"1.0.0","filename":"model.onnx","size":1}`,
	}
	s.Must(full, http.StatusPaymentRequired, nil)

	s.Must(functiontest.Request{Method: http.MethodDelete, Path: "/v1/models/" + u.Of("digits"), Token: s.Token}, http.StatusNoContent, nil)

	for _, request := range []functiontest.Request{
		{Method: http.MethodGet, Path: uploads[0], Token: s.Token},
		{Method: http.MethodDelete, Path: uploads[0], Token: s.Token},
		{
			Method: http.MethodPut, Path: uploads[0] + "/chunks/0", Token: s.Token, Body: string(file),
			Header: map[string]string{"X-Chunk-SHA256": digest, "Content-Type": "application/octet-stream"},
		},
		completion(s, uploads[0], nil, digest),
	} {
		s.Must(request, http.StatusNotFound, nil)
	}
	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil) // the name and the places are free
	s.Upload(u.Of("digits"), "1.0.0", file)
	if list := s.Text("/v1/uploads"); strings.Contains(list, strings.TrimPrefix(uploads[0], "/v1/uploads/")) {
		t.Errorf("the uploads of the deleted model are listed: %s", list)
	}
	for _, upload := range []string{uploads[0], uploads[most-1]} {
		id := strings.TrimPrefix(upload, "/v1/uploads/")
		e2etest.Eventually(t, "nothing of the upload is in the store", time.Minute, func() bool { return !anywhere(t, the.Data(t), id) })
	}
}

// anywhere reports whether a folder's tree has a name with the text in it.
func anywhere(t *testing.T, folder, text string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(folder, "s3"), func(path string, _ fs.DirEntry, err error) error {
		found = found || strings.Contains(filepath.Base(path), text)
		if err != nil { // others' files come and go
			return nil //nolint:nilerr // see above
		}
		return nil
	})
	e2etest.Must(t, err)
	return found
}
