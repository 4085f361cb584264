package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/17882237881/MaaS/api/fault"
)

// problem is an error as RFC 9457 has it, with the member that the protocol's clients read.
type problem struct {
	Type   string             `json:"type"`
	Title  string             `json:"title"`
	Status int                `json:"status"`
	Detail string             `json:"detail"`
	Error  string             `json:"error"`
	Errors []fault.FieldError `json:"errors,omitempty"`
}

// refuse logs err and writes it as the response: problem+json with the status of its kind.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(fault.Because(r.Context(), err))
	s.report(r.Context(), r.URL.Path, f)
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	status := f.Kind.Status()
	write(w, status, problem{
		Type: "https://maas.dev/problems/" + string(f.Kind), Title: http.StatusText(status), Status: status,
		Detail: f.Message, Error: f.Message, Errors: f.Fields,
	})
}

// report logs a refused request: at level error if the server has a defect, and at debug otherwise.
func (s *Server) report(ctx context.Context, route string, f *fault.Error) {
	level := slog.LevelDebug
	if f.Kind == fault.Internal {
		level = slog.LevelError
	}
	s.log.Log(ctx, level, "request refused", "route", route, "kind", f.Kind, "error", f.Error())
}

// writeJSON answers 200 with value as JSON.
func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	write(w, http.StatusOK, value)
}

// write writes the status and value as JSON; the caller sets the Content-Type. Errors are ignored.
func write(w http.ResponseWriter, status int, value any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) //nolint:errchkjson // strings and numbers; the client may be gone
}
