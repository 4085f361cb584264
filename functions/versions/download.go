package function

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path"
	"time"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/objects"
)

// downloads answers with files of versions.
type downloads struct {
	versions *catalog.Catalog
	store    *objects.Store
	log      *slog.Logger
}

// download answers with a file: by the store's own address where clients can reach it, else with its bytes, or the ranges asked for.
func (d downloads) download(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	named, err := catalog.ParseFile(r.PathValue("t")+"/"+r.PathValue("m"), r.PathValue("ref"), r.PathValue("path"))
	if err != nil {
		return err
	}
	file, err := d.versions.GetFile(r.Context(), who, named)
	if err != nil {
		return err
	}
	file.Deprecation.SetHeader(w.Header())
	if !d.store.Public() {
		return d.recorded(r.Context(), who, file, httpapi.ServeContent(w, r, d.contentOf(file)))
	}
	signed, err := d.store.PresignGet(r.Context(), file.Key, path.Base(string(file.Path)), time.Hour)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store") // the address ends sooner than a cache would
	w.Header().Set("Location", signed.URL)
	w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}

func (d downloads) contentOf(file catalog.StoredFile) httpapi.Content {
	content := file.Content()
	return httpapi.Content{
		Size: file.Size, Tag: file.ETag(), Type: "application/octet-stream", Header: file.SetHeader,
		Check: func(ctx context.Context) error { return d.store.CheckContent(ctx, content) },
		Read: func(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
			return d.store.ReadContent(ctx, content, offset, length)
		},
	}
}

const recordTime = 10 * time.Second

// recorded passes an error on, and records in the audit log what it says of the store's damage.
func (d downloads) recorded(ctx context.Context, who auth.Principal, file catalog.StoredFile, err error) error {
	if objects.AsDamage(err) == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if failed := d.versions.RecordDamage(ctx, who, "versions", file, fault.From(err).Message); failed != nil {
		d.log.WarnContext(ctx, "a damage of the store was not recorded; the next download tries again", "version", file.Version, "error", failed)
	}
	return err
}
