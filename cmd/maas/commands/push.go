package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/17882237881/MaaS/cmd/maas/progress"
	"github.com/17882237881/MaaS/cmd/maas/push"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/transfer"
)

func (m Maker) push() *cobra.Command {
	var parallel int
	cmd := &cobra.Command{
		Use: "push REF FILE…", Short: "Upload files into a draft version",
		Long: "Uploads files into a draft version, such as acme/fraud@1.4.0, and waits until they are verified. The model is made if need be.\n" +
			"Run again, it goes on where it was cut off; what the version holds already is not sent.\n" +
			"A model with external data is pushed with the files that it names, in any order, as are its settings, labels and tokenizer.",
		Example: "  maas push acme/digits@1.0.0 digits.onnx\n  maas push acme/large@1.0.0 model.onnx model.onnx.data labels.txt",
		Args:    cobra.MinimumNArgs(2),
	}
	cmd.Flags().IntVar(&parallel, "parallel", 4, "chunks on the way at once, 1 to 64")
	retryFor(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		to, err := exact(arguments[0])
		if err != nil {
			return err
		}
		if parallel < 1 || parallel > 64 {
			return misuse(fault.New(fault.Invalid, "--parallel is 1 to 64.", fault.Field("parallel")))
		}
		if err := distinct(arguments[1:]); err != nil {
			return err
		}
		shown, done := s.progress()
		defer done()
		p := &push.Pusher{Client: s.Client, Model: to.model, Version: to.Version, Parallel: parallel, Progress: shown}
		return resumable(s.push(ctx, p, to, arguments[1:]))
	})
}

// resumable tells after an interruption that nothing is lost.
func resumable(err error) error {
	if fault.Is(err, fault.Canceled) {
		return fault.New(fault.Canceled, "Interrupted. Run the same command again and it goes on where it was.", fault.Cause(err))
	}
	return err
}

// distinct fails where two files would have the same path in the version, or one cannot be pushed.
func distinct(files []string) error {
	seen := map[string]string{}
	for _, file := range files {
		name := filepath.Base(file)
		if other, ok := seen[name]; ok {
			return misuse(fault.New(fault.Invalid, fmt.Sprintf("%s and %s would both be %s in the version.", other, file, name), fault.Field("FILE")))
		}
		seen[name] = file
	}
	for _, file := range files {
		if err := push.CheckFile(file); err != nil { // before anything is made for it
			return misuse(err)
		}
	}
	return nil
}

// progress draws a bar on a terminal, and writes lines elsewhere. done ends the drawing.
func (s *session) progress() (shown push.Progress, done func()) {
	if s.quiet {
		return push.Silent{}, func() {}
	}
	if file, ok := s.stderr.(*os.File); ok {
		if _, height, err := term.GetSize(int(file.Fd())); err == nil && height > 0 {
			bar := progress.NewBar(file)
			return bar, bar.Wait
		}
	}
	return progress.NewLines(s.stderr), func() {}
}

func (s *session) push(ctx context.Context, p *push.Pusher, to version, files []string) error {
	made, err := p.EnsureModel(ctx)
	if err != nil {
		return err
	}
	if made {
		s.sayf("made the model %s", to.model)
	}
	results := make([]push.Result, 0, len(files))
	for _, file := range files {
		done, err := p.File(ctx, file, "")
		if err != nil {
			return errors.Join(err, s.pushed(to, results))
		}
		results = append(results, done)
	}
	return s.pushed(to, results)
}

func (s *session) pushed(to version, results []push.Result) error {
	return s.result(results, func(w io.Writer) {
		for _, r := range results {
			state := string(r.Status)
			switch {
			case r.Unchanged:
				state = "already there"
			case r.Status == transfer.StatusReady:
				state = "verified"
			}
			fmt.Fprintf(w, "%s %s: %s, %s, sha256 %s\n", to, safe(string(r.Path)), state, progress.Bytes(r.Size), r.SHA256)
		}
	})
}
