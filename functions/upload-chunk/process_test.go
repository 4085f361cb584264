package function

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/transfer"
	"github.com/17882237881/MaaS/shared/transfertest"
)

// process is the function as it is deployed: a process of its own.
type process struct {
	*exec.Cmd

	t       *testing.T
	address string
}

func start(t *testing.T, w *transfertest.World) process {
	t.Helper()
	program := filepath.Join(t.TempDir(), "upload-chunk")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/upload-chunk").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := process{exec.Command(program), t, free(t)}
	p.Env = append(os.Environ(), "LISTEN_ADDRESS="+p.address, "METRICS_ADDRESS=off")
	for name, value := range w.Vars {
		p.Env = append(p.Env, name+"="+value)
	}
	p.Stdout, p.Stderr = t.Output(), t.Output()
	w.Must(p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() }) // unless it has ended
	p.awaitReady()
	return p
}

func free(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func (p process) awaitReady() {
	p.t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get("http://" + p.address + "/health/readiness")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
	}
	p.t.Fatal("the function is not ready")
}

// put sends a chunk; its error is that of the exchange.
func (p process) put(ctx context.Context, w *transfertest.World, c transfer.Chunk, body io.Reader) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, fmt.Sprintf("http://%s/v1/uploads/%s/chunks/%d", p.address, c.Upload, c.Index), body)
	if err != nil {
		return 0, err
	}
	request.ContentLength = c.Size
	request.Header.Set("Authorization", "Bearer "+w.Token(w.Owner))
	request.Header.Set("X-Chunk-SHA256", c.SHA256.String())
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// peak returns the most memory that the process had resident.
func (p process) peak() (kib int) {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(after, &kib); err != nil {
		p.t.Fatal(err)
	}
	return kib
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestALargeChunkTakesLittleMemoryOfTheProcess(t *testing.T) {
	t.Parallel()
	const size, most = 512 << 20, 64 << 10 // bytes, KiB
	w := transfertest.New(t)
	in := transfertest.Wanted(size)
	in.Chunk = size
	u, sum := w.MustBegin(in), sha256.New()
	_, err := io.CopyN(sum, zeros{}, size)
	w.Must(err)
	p := start(t, w)

	status, err := p.put(t.Context(), w, transfer.Chunk{Upload: uuid.UUID(u.ID), Size: size, SHA256: ref.DigestOf(sum.Sum(nil))}, io.LimitReader(zeros{}, size))

	if w.Must(err); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if peak := p.peak(); peak > most {
		t.Errorf("the process had %d MiB, want %d at most", peak>>10, most>>10)
	}
	w.Must(p.Process.Signal(syscall.SIGTERM))
	w.Must(p.Wait())
}

// TestAChunkIsSentAgainAfterItsFunctionWasKilled kills the process in the middle of a body.
func TestAChunkIsSentAgainAfterItsFunctionWasKilled(t *testing.T) {
	t.Parallel()
	w := transfertest.New(t)
	file := bytes.Repeat([]byte("bytes "), 1<<20)
	u := w.MustBegin(transfertest.Wanted(len(file)))
	chunk := transfertest.ChunkOf(u, 0, file)
	p := start(t, w)
	body, sent := io.Pipe()
	go func() {
		_, _ = sent.Write(file[:len(file)/2])
		_ = p.Process.Kill()
		_ = sent.CloseWithError(io.ErrClosedPipe) // or the client would wait for it
	}()

	if status, err := p.put(t.Context(), w, chunk, body); err == nil {
		t.Errorf("status %d from a dead process", status)
	}
	_ = p.Wait()

	status, err := start(t, w).put(t.Context(), w, chunk, bytes.NewReader(file))
	if w.Must(err); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}
