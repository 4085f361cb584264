package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
	"github.com/17882237881/MaaS/cmd/maas/progress"
	"github.com/17882237881/MaaS/cmd/maas/push"
)

// push returns the command `maas push`, which uploads files or stdin into a draft version and waits until they are verified. Run again, it
// continues an interrupted upload.
func (m Maker) push() *cobra.Command {
	var parallel int
	var filename string
	cmd := &cobra.Command{
		Use: "push REF FILE…|FOLDER|-", Short: "Upload files into a draft version",
		Long: "Uploads files into a draft version, such as acme/fraud@1.4.0, and waits until they are verified. The model is made if need be.\n" +
			"Run again, it goes on where it was cut off; what the version holds already is not sent.\n" +
			"A model with external data is pushed with the files that it names, in any order, as are its settings, labels and tokenizer.\n" +
			"Of a folder all files are pushed, under their paths in it, but for .git, .cache and what its .maasignore lists in the form of .dockerignore.\n" +
			"With - it reads stdin to its end first, into a temporary file (in TMPDIR): the upload begins when the size is known.",
		Example: "  maas push acme/digits@1.0.0 digits.onnx\n  maas push acme/large@1.0.0 model.onnx model.onnx.data labels.txt\n" +
			"  maas push acme/bert@1.0.0 ./bert\n" +
			"  export-model | maas push acme/digits@1.0.0 - --filename model.onnx",
		Args: cobra.MinimumNArgs(2),
	}
	cmd.Flags().IntVar(&parallel, "parallel", 4, "chunks on the way at once, 1 to 64")
	cmd.Flags().StringVar(&filename, "filename", "", "path in the version of the one file that is pushed (default: the file's own name); needed with -")
	retryFor(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		to, err := exact(arguments[0])
		if err != nil {
			return err
		}
		if parallel < 1 || parallel > 64 {
			return misuse(fault.New(fault.Invalid, "--parallel is 1 to 64.", fault.Field("parallel")))
		}
		what, err := pushed(ctx, cmd, arguments[1:], filename)
		if err != nil {
			return resumable(err)
		}
		defer what.close()
		shown, done := s.progress()
		defer done()
		p := &push.Pusher{Client: s.Client.Client, Model: to.model, Version: to.Version, Parallel: parallel, Progress: shown}
		return resumable(s.push(ctx, p, to, what))
	})
}

// pushing is what a push brings: files, or a stream with its path.
type pushing struct {
	items []push.Item
	kept  *push.Spool // nil for files
}

// pushed checks what is to be pushed, before anything is sent or made for it, and reads stdin.
func pushed(ctx context.Context, cmd *cobra.Command, names []string, path string) (pushing, error) {
	if path != "" {
		if len(names) > 1 {
			return pushing{}, misuse(fault.New(fault.Invalid, "--filename names one file; there are several.", fault.Field("filename")))
		}
		if _, err := ref.ParsePath(path); err != nil {
			return pushing{}, misuse(err)
		}
	}
	if !slices.Contains(names, standardStream) {
		items, err := items(names, ref.Path(path))
		return pushing{items: items}, misuse(err)
	}
	if path == "" {
		return pushing{}, misuse(fault.New(fault.Invalid, "What comes by stdin needs a name: give --filename, and no other file.", fault.Field("filename")))
	}
	kept, err := push.Keep(ctx, cmd.InOrStdin())
	return pushing{items: []push.Item{{Path: ref.Path(path)}}, kept: kept}, err
}

// items returns the files to push for the names of files and folders. If path is not "" it is that of the one file. It fails with Invalid if two files
// would have the same path in the version, or one cannot be pushed.
func items(names []string, path ref.Path) ([]push.Item, error) {
	var all []push.Item
	for _, name := range names {
		found, err := push.Items(name)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if path != "" {
		if len(all) > 1 {
			return nil, fault.New(fault.Invalid, "--filename names one file; the folder has several.", fault.Field("filename"))
		}
		all[0].Path = path
	}
	seen := map[ref.Path]string{}
	for _, item := range all {
		if other, ok := seen[item.Path]; ok {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("%s and %s would both be %s in the version.", other, item.Name, item.Path), fault.Field("FILE"))
		}
		seen[item.Path] = item.Name
	}
	return all, nil
}

// close deletes what was kept of stdin, if anything was.
func (p pushing) close() {
	if p.kept != nil {
		_ = p.kept.Close() // it was only read from since
	}
}

// push pushes the n-th file, or what was kept of stdin.
func (p pushing) push(ctx context.Context, to *push.Pusher, n int) (push.Result, error) {
	if p.kept != nil {
		return to.Spooled(ctx, p.kept, string(p.items[n].Path))
	}
	return to.File(ctx, p.items[n])
}

// resumable adds to an error of kind Canceled that the same command goes on where it was. Any other error, and nil, it returns as it is.
func resumable(err error) error {
	if fault.Is(err, fault.Canceled) {
		return fault.New(fault.Canceled, "Interrupted. Run the same command again and it goes on where it was.", fault.Cause(err))
	}
	return err
}

// progress returns a progress display: a bar on a terminal, lines elsewhere. The caller calls done to end it.
func (s *session) progress() (shown maas.Progress, done func()) {
	if s.quiet {
		return maas.NoProgress{}, func() {}
	}
	return progress.Choose(s.stderr, s.getenv)
}

// push creates the model if need be, pushes one file after the other, and prints the results. It stops at the first error; if no file was
// pushed then, it deletes a model that it created and that is still empty.
func (s *session) push(ctx context.Context, p *push.Pusher, to version, what pushing) error {
	made, err := p.EnsureModel(ctx)
	if err != nil {
		return err
	}
	if made {
		s.sayf("made the model %s", to.model)
	}
	results := make([]push.Result, 0, len(what.items))
	for n := range what.items {
		done, err := what.push(ctx, p, n)
		if err != nil {
			if made && len(results) == 0 {
				s.drop(ctx, p)
			}
			return errors.Join(err, s.pushed(to, results))
		}
		results = append(results, done)
	}
	return s.pushed(to, results)
}

// dropWithin bounds what is done after a failure, and after an interruption.
const dropWithin = 5 * time.Second

// drop deletes the model that this push created, if nothing is in it, and says so. It takes dropWithin at most, also when ctx has ended;
// failures are ignored.
func (s *session) drop(ctx context.Context, p *push.Pusher) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropWithin)
	defer cancel()
	if p.DropModel(ctx) {
		s.sayf("deleted the model %s again: nothing is in it", p.Model)
	}
}

// pushed prints the results of a push, a line for each file or as JSON.
func (s *session) pushed(to version, results []push.Result) error {
	return s.result(results, func(w io.Writer) {
		for _, r := range results {
			state := string(r.Status)
			switch {
			case r.Unchanged:
				state = "already there"
			case r.Status == api.UploadReady:
				state = "verified"
			}
			fmt.Fprintf(w, "%s %s: %s, %s, sha256 %s\n", to, safe(string(r.Path)), state, progress.Bytes(r.Size), r.SHA256)
		}
	})
}
