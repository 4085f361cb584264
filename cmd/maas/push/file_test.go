package push

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
)

func TestAFileThatChangesWhileItIsPushedIsNamed(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(name string) error{
		"got shorter while it was pushed: it had 43 bytes and now has 10": func(name string) error { return os.Truncate(name, 10) },
		"got longer":  func(name string) error { return os.Truncate(name, 100) },
		"was removed": os.Remove,
		"was replaced": func(name string) error {
			return errors.Join(os.WriteFile(name+"2", []byte(text), 0o600), os.Rename(name+"2", name))
		},
		"was written to":           overwrite,
		"was written to, the same": func(name string) error { return os.Chtimes(name, time.Time{}, time.Now().Add(time.Hour)) },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			p, _ := s.pusher(t)
			name := write(t, text)
			s.intercept = func(_ http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut && s.puts == 3 {
					s.intercept = nil
					if err := change(name); err != nil {
						t.Error(err)
					}
				}
				return false
			}

			began := time.Now()
			_, err := p.File(t.Context(), named(name))

			faulttest.AssertKind(t, err, fault.Unprocessable)
			what, _, _ := strings.Cut(want, ",")
			if said := fault.From(err).Message; !strings.Contains(said, name+" "+what) {
				t.Errorf("it says %q", said)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("it took %s: the server was blamed", took)
			}
			if len(s.uploads) != 1 || s.uploads[0].Status != api.UploadCancelled {
				t.Errorf("%d uploads, the first is %s", len(s.uploads), s.uploads[0].Status)
			}
		})
	}
}

// overwrite changes a file in place, so that it is at no moment shorter.
func overwrite(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(strings.ToUpper(text)), 0)
	return errors.Join(err, f.Close())
}

// The body of a request is read by net/http, which says of each failure that the connection is broken.
func TestAFileThatGetsShorterWithinAChunkIsNotTheServersFault(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p, _ := s.pusher(t)
	name := write(t, text)
	f, err := openFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	u, err := p.Client.CreateUpload(t.Context(), api.CreateUploadRequest{Model: p.Model, Version: p.Version, Filename: "model.onnx", Path: "model.onnx", Size: f.size})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 1); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	sum := ref.SumOf([]byte(text[:chunkSize]))
	err = p.Client.SendChunk(ctx, u.ID, 0, chunkSize, sum, func() io.Reader { return io.NewSectionReader(f, 0, chunkSize) })

	if err == nil || !strings.Contains(fault.From(err).Message, "got shorter") {
		t.Error(err)
	}
}

func TestWhatCannotBePushedIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	pipe, loop, link := folder+"/pipe", folder+"/loop", folder+"/link"
	for _, err := range []error{syscall.Mkfifo(pipe, 0o600), os.Symlink(loop, loop), os.Symlink(write(t, text), link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		folder:               folder + " is a folder.",
		pipe:                 pipe + " is a pipe, which can be read only once",
		"/dev/null":          "/dev/null is a device, not a regular file.",
		folder + "/no":       "There is no file " + folder + "/no.",
		loop:                 loop + " cannot be read: too many levels of symbolic links.",
		write(t, ""):         "is empty: a file has 1 byte or more.",
		write(t, "x") + "/y": "cannot be read: not a directory.",
	} {
		err := checkFile(name)
		faulttest.AssertKind(t, err, fault.Invalid)
		if said := fault.From(err).Message; !strings.Contains(said, want) {
			t.Errorf("it says %q, want %q", said, want)
		}
	}
	if err := checkFile(link); err != nil {
		t.Errorf("a link to a regular file: %v", err)
	}
}
