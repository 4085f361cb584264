package commands

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
)

// infer returns the command `maas infer`. It sends a request from a file or stdin to a model and prints the answer.
func (m Maker) infer() *cobra.Command {
	var file string
	var timeout time.Duration
	var fresh bool
	cmd := &cobra.Command{
		Use: "infer REF -f FILE", Short: "Call a model (Open Inference Protocol v2)",
		Long:    "Sends a request of the Open Inference Protocol v2, as JSON, and prints the answer. Without a version it is the latest.",
		Example: "  maas infer acme/digits -f request.json\n  maas infer acme/digits@^1.2 -f - < request.json",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", `file with the request; "-" for stdin`)
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait for the answer, also for a model that has to be started")
	cmd.Flags().BoolVar(&fresh, "no-cache", false, "compute the answer, though it may be known")
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		if err := needed(cmd, "file"); err != nil {
			return err
		}
		to, err := target(arguments[0])
		if err != nil {
			return err
		}
		body, err := readRequest(cmd, file)
		if err != nil {
			return err
		}
		call := call{target: to, body: body, timeout: timeout}
		if fresh {
			call.cache = "no-cache"
		}
		began := time.Now()
		header, err := s.answer(ctx, call, s.stdout)
		if err == nil {
			s.sayf("%s", cameAbout(header, to.Model, time.Since(began)))
		}
		return err
	})
}

// maxRequest bounds a request for a model, in bytes; the server has a limit of its own.
const maxRequest = 256 << 20

// readRequest reads the file, or stdin for "-". One that cannot be read is a usage error; more than maxRequest bytes are TooLarge.
func readRequest(cmd *cobra.Command, file string) ([]byte, error) {
	in := cmd.InOrStdin()
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, misuse(fault.New(fault.Invalid, "The request cannot be read: "+err.Error()+".", fault.Field("file")))
		}
		defer func() { _ = opened.Close() }()
		in = opened
	}
	body, err := io.ReadAll(io.LimitReader(in, maxRequest+1))
	if err != nil {
		return nil, misuse(fault.New(fault.Invalid, "The request cannot be read: "+err.Error()+".", fault.Field("file")))
	}
	if len(body) > maxRequest {
		return nil, fault.New(fault.TooLarge, "The request has more than 256 MiB.", fault.Field("file"))
	}
	return body, nil
}

// call is one inference.
type call struct {
	target  ref.Target
	body    []byte // JSON
	timeout time.Duration
	cache   string // Cache-Control, or ""
}

// answer calls the model, copies the answer's body to w with a line break after it, and returns the answer's header. It fails with Unavailable
// if the body breaks off or w fails.
func (s *session) answer(ctx context.Context, c call, w io.Writer) (http.Header, error) {
	in := maas.InferRequest{Target: c.target, Body: c.body, Timeout: c.timeout, Header: http.Header{}}
	if c.cache != "" {
		in.Header.Set("Cache-Control", c.cache)
	}
	answer, err := s.Infer(ctx, in)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(w, answer.Body); err != nil {
		return nil, fault.New(fault.Unavailable, "The answer broke off.", fault.Cause(err))
	}
	fmt.Fprintln(w)
	return answer.Header, nil
}

// cameAbout describes how an answer was computed: the version, whether it came from the cache, the time of the cold
// start, and the time that the call took.
func cameAbout(h http.Header, m ref.Model, took time.Duration) string {
	text := m.String()
	if v := h.Get("X-Model-Version"); v != "" {
		text += "@" + v
	}
	if cache := h.Get("X-Cache"); cache != "" {
		text += ", cache " + cache
	}
	if cold := h.Get("X-Cold-Start-Ms"); cold != "" && cold != "0" {
		text += ", started in " + cold + " ms"
	}
	return fmt.Sprintf("%s, %d ms", text, took.Milliseconds())
}
