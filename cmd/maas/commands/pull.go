package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/cmd/maas/progress"
	"github.com/17882237881/MaaS/cmd/maas/pull"
)

// standardStream stands for stdin or stdout where a file is named.
const standardStream = "-"

// pull returns the command `maas pull`, which downloads a version's files into a folder or one file to stdout. Run again, it continues an
// interrupted download.
func (m Maker) pull() *cobra.Command {
	var only []string
	cmd := &cobra.Command{
		Use: "pull REF [DIR|-]", Short: "Download a version's files",
		Long: "Downloads a version's files into a folder (default: this one) and checks them. Run again, it goes on where it was cut off.\n" +
			"With - one file is written to stdout; a version with several needs --file. (A folder of that name is ./-.)",
		Example: "  maas pull acme/digits@1.0.0 out\n  maas pull acme/digits@1.0.0 - --file model.onnx | sha256sum",
		Args:    cobra.RangeArgs(1, 2),
	}
	cmd.Flags().StringArrayVar(&only, "file", nil, "path of a file in the version: only this one is pulled; may be repeated")
	retryFor(cmd)
	return m.command(cmd, func(ctx context.Context, s *session, arguments []string) error {
		from, err := target(arguments[0])
		if err != nil {
			return err
		}
		v, err := s.GetVersion(ctx, api.VersionRequest{Model: from.Model, Ref: from.Selector})
		if err != nil {
			return err
		}
		files, err := chosen(v, only)
		if err != nil {
			return err
		}
		folder := "."
		if len(arguments) == 2 {
			folder = arguments[1]
		}
		if folder == standardStream {
			return s.stream(ctx, v, files)
		}
		return resumable(s.pull(ctx, v, files, folder))
	})
}

// chosen returns the version's files at the paths, each once, or all files if there are no paths. It fails with
// NotFound if the version has no files; a path that it does not have is a usage error.
func chosen(v api.Version, paths []string) ([]api.File, error) {
	if len(v.Files) == 0 {
		return nil, fault.New(fault.NotFound, fmt.Sprintf("%s@%s has no files yet.", v.Model, v.Version))
	}
	if len(paths) == 0 {
		return v.Files, nil
	}
	var files []api.File
	for i, path := range paths {
		at := slices.IndexFunc(v.Files, func(f api.File) bool { return string(f.Path) == path })
		switch {
		case at < 0:
			return nil, misuse(fault.New(fault.Invalid, fmt.Sprintf("%s@%s has no file %s. It has: %s", v.Model, v.Version, path, listed(v.Files)), fault.Field("file")))
		case !slices.Contains(paths[:i], path):
			files = append(files, v.Files[at])
		}
	}
	return files, nil
}

// listed returns the paths of the files as the end of a sentence: 20 at most, and how many more there are.
func listed(files []api.File) string {
	const most = 20
	var names []string
	for _, f := range files[:min(len(files), most)] {
		names = append(names, string(f.Path))
	}
	text := strings.Join(names, ", ")
	if len(files) > most {
		text += fmt.Sprintf(" and %d more", len(files)-most)
	}
	return text + "."
}

// stream writes the one file of files to stdout, and its size and digest to stderr. More than one file is a usage error. files must not be
// empty.
func (s *session) stream(ctx context.Context, v api.Version, files []api.File) error {
	if len(files) > 1 {
		return misuse(fault.New(fault.Invalid, fmt.Sprintf("Only one file can be written to stdout: choose one with --file. %s@%s has: %s",
			v.Model, v.Version, listed(files)), fault.Field("file")))
	}
	shown, done := s.progress()
	err := (&pull.Puller{Client: s.Client.Client, Progress: shown}).Stream(ctx, v, files[0], s.stdout)
	done()
	if err == nil {
		s.sayf("%s: %s, sha256 %s", files[0].Path, progress.Bytes(files[0].Size), files[0].SHA256)
	}
	return err
}

// pull downloads the files into the folder, which it creates if need be, and prints them. Files that are there already are not downloaded.
func (s *session) pull(ctx context.Context, v api.Version, files []api.File, folder string) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return noFolder(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return noFolder(err)
	}
	defer func() { _ = root.Close() }()
	shown, done := s.progress()
	err = (&pull.Puller{Client: s.Client.Client, Folder: root, Progress: shown}).Version(ctx, v, files)
	done()
	if err != nil {
		return err
	}
	return s.result(files, func(w io.Writer) {
		for _, f := range files {
			fmt.Fprintf(w, "%s: %s, sha256 %s\n", safe(filepath.Join(folder, string(f.Path))), progress.Bytes(f.Size), f.SHA256)
		}
	})
}

// noFolder returns the error for a folder that cannot be used: a usage error if something else has that name.
func noFolder(err error) error {
	reported := fault.New(fault.Invalid, "The folder cannot be used: "+err.Error(), fault.Field("DIR"))
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.EINVAL) {
		return misuse(reported)
	}
	return reported
}
