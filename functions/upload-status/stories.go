package function

import (
	"context"
	"iter"
	"net/http"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/httpapi"
	"github.com/17882237881/MaaS/shared/serve"
)

// story gives the changes that a request asks for, after the one that its client knows.
type story func(ctx context.Context, who auth.Principal, r *http.Request, after string) (iter.Seq2[api.UploadChange, error], error)

// tell returns the handler that sends a story's changes, after that in Last-Event-ID, until they, the client or the function end. HEAD gets none.
func tell(s story) func(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
	return func(w http.ResponseWriter, r *http.Request, who auth.Principal) error {
		ctx, end := serve.UntilDraining(r.Context())
		defer end()
		changes, err := s(ctx, who, r, r.Header.Get("Last-Event-ID"))
		if err != nil {
			return err
		}
		stream := httpapi.NewEventStream(w)
		for change, err := range changes {
			switch {
			case err != nil:
			case r.Method == http.MethodHead: // it could be answered 200
				return stream.Begin()
			case change.Kind == api.ChangeNone:
				err = stream.Beat()
			default:
				err = stream.Send(change.After, string(change.Kind), change.State)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}
