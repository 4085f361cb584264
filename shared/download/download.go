// Package download serves the files of versions over HTTP, for every function that hands them out.
package download

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/objects"
)

const (
	presignedFor = time.Hour
	recordTime   = 10 * time.Second // bounds one audit entry
)

// Downloads answers requests for files. All fields are needed.
type Downloads struct {
	Versions *catalog.Catalog
	Store    *objects.Store
	Log      *slog.Logger
}

// Serve answers a request for the file that the path values t, m, ref and path name: with a redirect to the store where clients can reach it,
// else with the file's bytes or the ranges asked for. It returns NotFound if there is no such file, and Unavailable if its bytes are damaged.
func (d Downloads) Serve(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	named, err := api.ParseFile(r.PathValue("t")+"/"+r.PathValue("m"), r.PathValue("ref"), r.PathValue("path"))
	if err != nil {
		return err
	}
	file, err := d.Versions.GetFile(r.Context(), who, named)
	if err != nil {
		return err
	}
	file.Deprecation.SetHeader(w.Header())
	if !d.Store.Public() {
		return d.record(r.Context(), who, file, httpapi.ServeContent(w, r, d.contentOf(file)))
	}
	signed, err := d.Store.PresignGet(r.Context(), file.Key, path.Base(string(file.Path)), presignedFor)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store") // the address ends sooner than a cache would
	w.Header().Set("Location", signed.URL)
	w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

// contentOf returns the file's content for httpapi.ServeContent, read from the store.
func (d Downloads) contentOf(file catalog.StoredFile) httpapi.Content {
	content := file.Content()
	return httpapi.Content{
		Size: file.Size, Tag: file.ETag(), Type: "application/octet-stream", Header: file.SetHeader,
		Check: func(ctx context.Context) error { return d.Store.CheckContent(ctx, content) },
		Read: func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
			return d.Store.ReadContent(ctx, content, offset, length)
		},
	}
}

// record returns err. If err says that a file is damaged, it first writes that into the audit log; a failure to do so is only logged.
func (d Downloads) record(ctx context.Context, who auth.Principal, file catalog.StoredFile, err error) error {
	if objects.AsDamage(err) == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if failed := d.Versions.RecordDamage(ctx, who, "versions", file, fault.From(err).Message); failed != nil {
		d.Log.WarnContext(ctx, "damage of the store was not recorded; the next download tries again", "version", file.Version, "error", failed)
	}
	return err
}
