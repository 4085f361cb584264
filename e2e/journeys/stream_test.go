package journeys

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// TestAnUploadTellsItsStoryAsItHappens listens to an upload from before its first byte. Each step is told before the next is taken: nothing
// between holds events back. Who comes again is told what came since.
func TestAnUploadTellsItsStoryAsItHappens(t *testing.T) {
	t.Parallel()
	u := e2etest.Register(t, the.Server)
	the.Leaving(u)
	s := u.Site()
	file := e2etest.Content(t, "digits.onnx")
	s.Post("/v1/models", `{"name":"digits"}`, http.StatusCreated, nil)
	upload := s.BeginUpload(u.Of("digits"), "1.0.0", len(file))

	told := listen(t, s, upload, "")
	told.hear(`"open"`)
	digest := s.Chunk(upload, file)
	last := told.hear("event: progress")
	s.Complete(upload, digest)
	told.hear("event: done")
	if told.lines.Scan() {
		t.Errorf("after the end it says %q", told.lines.Text())
	}

	again := listen(t, s, upload, last)
	again.hear("event: done")
}

// stream is Server-Sent Events, line by line.
type stream struct {
	testing.TB

	lines *bufio.Scanner
}

// listen asks for an upload's events after one.
func listen(t *testing.T, s e2etest.Site, upload, after string) stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, the.Server+upload+"/events", http.NoBody)
	e2etest.Must(t, err)
	request.Header.Set("Authorization", "Bearer "+s.Token)
	request.Header.Set("Last-Event-ID", after)
	answer, err := http.DefaultClient.Do(request)
	e2etest.Must(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("the answer is %s, %s", answer.Status, kind)
	}
	return stream{t, bufio.NewScanner(answer.Body)}
}

// hear reads up to a line that has the text, to its event's end, and returns the event's id.
func (s stream) hear(text string) (id string) {
	s.Helper()
	heard := false
	for s.lines.Scan() {
		line := s.lines.Text()
		if after, is := strings.CutPrefix(line, "id: "); is {
			id = after
		}
		heard = heard || strings.Contains(line, text)
		if heard && line == "" {
			return id
		}
	}
	s.Fatalf("the stream ended without %s: %v", text, s.lines.Err())
	return ""
}
