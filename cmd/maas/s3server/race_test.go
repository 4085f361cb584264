package s3server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

func TestAPartThatIsStillComingDoesNotReopenACompletedUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parts := randomParts(1)
	upload := w.open("t/a")
	sent := w.send("t/a", upload, parts)
	late := w.begin("t/a", upload, 7)

	w.must(w.complete("t/a", upload, sent))

	if code := late.finish(); code != "NoSuchUpload" {
		t.Errorf("the late part was answered %s", code)
	}
	folder := filepath.Join(w.cfg.Data, "objects", bucket, uploads("t/a"))
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the upload's folder: %v", err)
	}
}

func TestCompletesAtOnceSucceedOnlyWithTheObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parts := randomParts(4)
	upload := w.open("t/a")
	sent := w.send("t/a", upload, parts)

	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := w.complete("t/a", upload, sent); err == nil && !w.has("t/a") {
				t.Error("Complete succeeded before the object was there")
			}
		})
	}
	all.Wait()

	w.assertObject("t/a", bytes.Join(parts, nil))
}

func TestAPartThatIsNotWhatItsDigestSaysIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.open("t/a")

	_, err := w.client.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: aws.String(bucket), Key: aws.String("t/a"), UploadId: aws.String(upload), PartNumber: aws.Int32(1),
		Body: bytes.NewReader([]byte("bytes")), ChecksumSHA256: aws.String("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
	})

	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != "BadDigest" {
		t.Errorf("err = %v, want BadDigest", err)
	}
}

func TestNobodyReadsWithoutCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.put("t/a", []byte("bytes")))

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.cfg.Listen+"/"+bucket+"/t/a", http.NoBody)
	w.must(err)
	answer, err := w.http.RoundTrip(request)
	w.must(err)
	w.must(answer.Body.Close())

	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("answered %s", answer.Status)
	}
}

// lateSize is more than the sockets between hold: the server is taking the part in once all but the last byte is sent.
const lateSize = 32 << 20

// latePart is a part whose last byte is still to come.
type latePart struct {
	w      *world
	body   *io.PipeWriter
	answer chan string
}

// begin sends all but the end of a part.
func (w *world) begin(key, upload string, number int32) *latePart {
	w.Helper()
	sum := sha256.Sum256(bytes.Repeat([]byte("x"), lateSize))
	signed, err := s3.NewPresignClient(w.client).PresignUploadPart(w.Context(), &s3.UploadPartInput{
		Bucket: aws.String(bucket), Key: aws.String(key), UploadId: aws.String(upload), PartNumber: aws.Int32(number),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	})
	w.must(err)
	body, writer := io.Pipe()
	request, err := http.NewRequestWithContext(w.Context(), signed.Method, signed.URL, body)
	w.must(err)
	request.Header = signed.SignedHeader.Clone()
	request.ContentLength = lateSize
	late := &latePart{w: w, body: writer, answer: make(chan string, 1)}
	go late.send(request) // ends with finish
	_, err = io.WriteString(writer, strings.Repeat("x", lateSize-1))
	w.must(err)
	return late
}

func (l *latePart) send(request *http.Request) {
	answer, err := l.w.http.RoundTrip(request)
	if err != nil {
		l.answer <- err.Error()
		return
	}
	text, _ := io.ReadAll(answer.Body) // what is missing of it fails the test
	_ = answer.Body.Close()
	_, code, _ := strings.Cut(string(text), "<Code>")
	code, _, _ = strings.Cut(code, "</Code>")
	l.answer <- code
}

// finish sends the end and returns the error code of the answer.
func (l *latePart) finish() string {
	_, err := io.WriteString(l.body, "x")
	l.w.must(err)
	l.w.must(l.body.Close())
	return <-l.answer
}
