package child

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxLine bounds what is kept of a line that has no end yet, in bytes.
const maxLine = 64 << 10

// lines is a writer that turns a child's output into log records, one a line. A line longer than maxLine becomes several.
type lines struct {
	log *slog.Logger

	mu   sync.Mutex
	rest []byte
}

// attach makes the command write its stdout and stderr to the log, except what it has set already. The caller flushes the returned writer when
// the command has ended.
func attach(cmd *exec.Cmd, spec Spec) *lines {
	out := &lines{log: spec.Log.With("child", spec.Name)}
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = out // if both are the same writer, exec calls it from one goroutine
	}
	return out
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte{'\n'})
		if !found && len(l.rest) < maxLine {
			return len(p), nil
		}
		l.emit(line)
		l.rest = rest
	}
}

// flush logs the last line, which may lack its end.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.emit(l.rest)
	l.rest = nil
}

// emit logs one line. A line that slog's JSON handler wrote keeps its level, message and attributes; an empty line is dropped.
func (l *lines) emit(line []byte) {
	text := strings.TrimSpace(string(line))
	if text == "" {
		return
	}
	record, ok := parseRecord(line)
	if !ok {
		record = slog.NewRecord(time.Now(), slog.LevelInfo, text, 0)
	}
	ctx := context.Background() // a line of output belongs to no request
	if l.log.Enabled(ctx, record.Level) {
		_ = l.log.Handler().Handle(ctx, record) // as slog's own methods do: who could be told?
	}
}

// parseRecord parses a line that slog's JSON handler wrote into a record with its level, message and attributes; the time is now. It returns
// false for any other line. The line must not be empty.
func parseRecord(line []byte) (slog.Record, bool) {
	fields := map[string]any{}
	if line[0] != '{' || json.Unmarshal(line, &fields) != nil {
		return slog.Record{}, false
	}
	message, _ := fields[slog.MessageKey].(string)
	name, _ := fields[slog.LevelKey].(string)
	var level slog.Level
	if message == "" || level.UnmarshalText([]byte(name)) != nil {
		return slog.Record{}, false
	}
	record := slog.NewRecord(time.Now(), level, message, 0)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		switch key {
		case slog.TimeKey, slog.LevelKey, slog.MessageKey:
		default:
			record.AddAttrs(slog.Any(key, fields[key]))
		}
	}
	return record, true
}
