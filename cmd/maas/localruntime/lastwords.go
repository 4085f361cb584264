package localruntime

import (
	"context"
	"log/slog"
	"sync"
)

// lastWords is a log handler that remembers what a runtime last said of an error, for the person whose model does not start.
type lastWords struct {
	slog.Handler
	*memory
}

type memory struct {
	mu   sync.Mutex
	text string
}

// keep replaces the text.
func (m *memory) keep(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.text = text
}

// newLastWords returns a handler that passes records on to next and remembers the last error.
func newLastWords(next slog.Handler) lastWords { return lastWords{next, &memory{}} }

// Enabled implements slog.Handler.
func (l lastWords) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError || l.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (l lastWords) Handle(ctx context.Context, line slog.Record) error {
	if line.Level >= slog.LevelError {
		text := line.Message
		for _, key := range []string{"error", "reason"} { // the error is for the log; where there is a reason, that is for people
			if said := attribute(line, key); said != "" {
				text = said
			}
		}
		l.keep(text)
	}
	if !l.Handler.Enabled(ctx, line.Level) {
		return nil
	}
	return l.Handler.Handle(ctx, line)
}

// attribute returns the value of the line's attribute of that name, "" if it has none.
func attribute(line slog.Record, key string) (text string) {
	line.Attrs(func(a slog.Attr) bool {
		if a.Key == key {
			text = a.Value.String()
		}
		return text == ""
	})
	return text
}

// WithAttrs implements slog.Handler.
func (l lastWords) WithAttrs(attrs []slog.Attr) slog.Handler {
	return lastWords{l.Handler.WithAttrs(attrs), l.memory}
}

// WithGroup implements slog.Handler.
func (l lastWords) WithGroup(name string) slog.Handler {
	return lastWords{l.Handler.WithGroup(name), l.memory}
}

// words returns the text of the last error, "" if there was none.
func (l lastWords) words() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}
