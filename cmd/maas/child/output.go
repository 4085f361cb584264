package child

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
)

// maxLine bounds what is kept of a line that has no end yet, in bytes.
const maxLine = 64 << 10

// lines is a writer that turns a child's output into log records, one a line. A line longer than maxLine becomes several.
type lines struct {
	log *slog.Logger

	mu   sync.Mutex
	rest []byte
}

// attach sends the command's outputs to the log, but those that the command has of its own.
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

func (l *lines) emit(line []byte) {
	text := strings.TrimSpace(string(line))
	if text == "" {
		return
	}
	if level, message, attributes, ok := parseRecord(line); ok {
		l.log.Log(context.Background(), level, message, attributes...)
		return
	}
	l.log.Info(text)
}

// parseRecord reads a line that slog's JSON handler wrote, so that a child of ours logs as if it were part of this process.
func parseRecord(line []byte) (slog.Level, string, []any, bool) {
	record := map[string]any{}
	if line[0] != '{' || json.Unmarshal(line, &record) != nil {
		return 0, "", nil, false
	}
	message, _ := record[slog.MessageKey].(string)
	name, _ := record[slog.LevelKey].(string)
	var level slog.Level
	if message == "" || level.UnmarshalText([]byte(name)) != nil {
		return 0, "", nil, false
	}
	var attributes []any
	for key, value := range record {
		switch key {
		case slog.TimeKey, slog.LevelKey, slog.MessageKey:
		default:
			attributes = append(attributes, slog.Any(key, value))
		}
	}
	return level, message, attributes, true
}
