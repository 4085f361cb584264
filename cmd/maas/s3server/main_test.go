package s3server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"go.uber.org/goleak"

	"github.com/17882237881/MaaS/cmd/maas/child"
)

// TestMain is the server's own process, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "s3-server" {
		if err := Main(context.Background(), os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const (
	bucket = "maas"
	// smallest is the smallest part that may have others after it.
	smallest = 5 << 20
)

// world is a server on a folder of its own, and a client.
type world struct {
	testing.TB
	cfg    Config
	server *child.Process
	client *s3.Client
	http   *http.Transport
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, false)
}

func newWorldWith(t testing.TB, fast bool) *world {
	t.Helper()
	w := &world{TB: t, cfg: Config{Data: t.TempDir(), Region: "us-east-1", Fast: fast}, http: &http.Transport{}}
	keys, err := LoadCredentials(w.cfg.Data)
	w.must(err)
	w.cfg.Listen = freeAddress(t)
	w.client = s3.New(s3.Options{
		BaseEndpoint: aws.String("http://" + w.cfg.Listen), Region: w.cfg.Region, UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, ""),
		HTTPClient:  &http.Client{Transport: w.http},
	})
	t.Cleanup(func() { w.http.CloseIdleConnections() })
	w.start()
	_, err = w.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	w.must(err)
	return w
}

func (w *world) start() {
	w.Helper()
	server, err := child.Start(w.Context(), child.Spec{
		Name: "s3", Log: slog.New(slog.NewTextHandler(w.Output(), nil)),
		Command: func() (*exec.Cmd, error) {
			return exec.Command(os.Args[0], append([]string{"s3-server"}, Arguments(w.cfg)...)...), nil
		},
		Ready: func(ctx context.Context) error {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", w.cfg.Listen)
			if err != nil {
				return err
			}
			return conn.Close()
		},
	})
	w.must(err)
	w.server = server
	w.Cleanup(func() { server.Stop(context.Background()) })
}

// kill ends the server as a power cut would, but for what the kernel still writes.
func (w *world) kill() {
	w.Helper()
	_ = w.server.Signal(os.Kill) // it may have ended
	<-w.server.Done()
	w.http.CloseIdleConnections()
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// open starts an upload of parts with SHA-256.
func (w *world) open(key string) string {
	w.Helper()
	out, err := w.client.CreateMultipartUpload(w.Context(), &s3.CreateMultipartUploadInput{
		Bucket: aws.String(bucket), Key: aws.String(key), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	})
	w.must(err)
	return *out.UploadId
}

// send uploads parts, numbered from 1.
func (w *world) send(key, upload string, parts [][]byte) []types.CompletedPart {
	w.Helper()
	var sent []types.CompletedPart
	for i, part := range parts {
		sum := sha256.Sum256(part)
		digest := base64.StdEncoding.EncodeToString(sum[:])
		out, err := w.client.UploadPart(w.Context(), &s3.UploadPartInput{
			Bucket: aws.String(bucket), Key: aws.String(key), UploadId: aws.String(upload), PartNumber: aws.Int32(int32(i + 1)),
			Body: bytes.NewReader(part), ChecksumSHA256: aws.String(digest),
		})
		w.must(err)
		sent = append(sent, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1)), ChecksumSHA256: aws.String(digest)})
	}
	return sent
}

func (w *world) complete(key, upload string, parts []types.CompletedPart) error {
	_, err := w.client.CompleteMultipartUpload(w.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(bucket), Key: aws.String(key), UploadId: aws.String(upload), IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	return err
}

func (w *world) has(key string) bool {
	_, err := w.client.HeadObject(w.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	return err == nil
}

func (w *world) put(key string, body []byte) error {
	_, err := w.client.PutObject(w.Context(), &s3.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(key), Body: bytes.NewReader(body), IfNoneMatch: aws.String("*"),
	})
	return err
}

// assertObject checks an object's bytes and that it carries an ETag.
func (w *world) assertObject(key string, want []byte) {
	w.Helper()
	out, err := w.client.GetObject(w.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	w.must(err)
	defer func() { w.must(out.Body.Close()) }()
	var got bytes.Buffer
	_, err = got.ReadFrom(out.Body)
	w.must(err)
	if !bytes.Equal(got.Bytes(), want) {
		w.Errorf("%s: %d bytes, not the %d that were sent", key, got.Len(), len(want))
	}
	if out.ETag == nil || *out.ETag == "" {
		w.Errorf("%s has no ETag", key)
	}
}

// randomParts returns n parts of the smallest size and a short last one.
func randomParts(n int) [][]byte {
	random := rand.NewChaCha8([32]byte{byte(n)})
	parts := make([][]byte, n+1)
	for i := range parts {
		parts[i] = make([]byte, smallest)
		_, _ = random.Read(parts[i]) // never fails
	}
	parts[n] = parts[n][:1000]
	return parts
}

// freeAddress returns an address that no other test gets before this one ends, though its server stops and starts: a UDP socket reserves the port number.
func freeAddress(t testing.TB) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(10_000))
		held, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		if listener, err := net.Listen("tcp", address); err == nil {
			_ = listener.Close() // nothing was accepted
			t.Cleanup(func() { _ = held.Close() })
			return address
		}
		_ = held.Close() // nothing was received
	}
}
