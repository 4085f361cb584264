package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// NewLogger returns a logger that writes to w as the variables MAAS_LOG (text or json; by default text on a terminal, else json) and
// MAAS_LOG_LEVEL (debug, info, warn or error; info by default) say. It fails for other values. Lines logged with the context of a request or
// an event have its trace_id.
func NewLogger(w io.Writer, vars map[string]string) (*slog.Logger, error) {
	level := slog.LevelInfo
	if text := vars["MAAS_LOG_LEVEL"]; text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("MAAS_LOG_LEVEL is %q; it is one of debug, info, warn, error", text)
		}
	}
	options := &slog.HandlerOptions{Level: level}
	switch format := strings.ToLower(vars["MAAS_LOG"]); {
	case format == "text" || format == "" && isTerminal(w):
		return slog.New(traced{slog.NewTextHandler(w, options)}), nil
	case format == "json" || format == "":
		return slog.New(traced{slog.NewJSONHandler(w, options)}), nil
	default:
		return nil, fmt.Errorf("MAAS_LOG is %q; it is text or json", format)
	}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// traced adds the trace to each line.
type traced struct{ slog.Handler }

// Handle implements slog.Handler. It adds the context's trace_id, if there is one.
func (h traced) Handle(ctx context.Context, line slog.Record) error {
	if id := RequestID(ctx); id != "" {
		line.AddAttrs(slog.String("trace_id", id))
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements slog.Handler.
func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }
