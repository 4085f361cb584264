package function

import (
	"net/http"
	"path"
	"time"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/objects"
)

// download answers with a file: by the store's own address where clients can reach it, else with its bytes, or the ranges asked for.
func download(versions *catalog.Catalog, store *objects.Store) func(http.ResponseWriter, *http.Request, auth.Principal) error {
	return func(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
		named, err := catalog.ParseFile(r.PathValue("t")+"/"+r.PathValue("m"), r.PathValue("ref"), r.PathValue("path"))
		if err != nil {
			return err
		}
		file, err := versions.GetFile(r.Context(), who, named)
		if err != nil {
			return err
		}
		file.Deprecation.SetHeader(w.Header())
		if !store.Public() {
			return store.Serve(w, r, file.Key, file.Size, file.SetHeader)
		}
		signed, err := store.PresignGet(r.Context(), file.Key, path.Base(string(file.Path)), time.Hour)
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "no-store") // the address ends sooner than a cache would
		http.Redirect(w, r, signed.URL, http.StatusTemporaryRedirect)
		return nil
	}
}
