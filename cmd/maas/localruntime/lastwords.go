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

func (m *memory) keep(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.text = text
}

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

// attribute returns an attribute of a line, "" if it has none of that name.
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

// words returns what was kept, "" for nothing.
func (l lastWords) words() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}
