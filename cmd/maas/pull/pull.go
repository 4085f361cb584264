// Package pull fetches the files of a version into a folder. It checks each against its digest before it is there under its name, and goes
// on where it was cut off.
package pull

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/17882237881/MaaS/cmd/maas/client"
	"github.com/17882237881/MaaS/cmd/maas/push"
	"github.com/17882237881/MaaS/shared/catalog"
	"github.com/17882237881/MaaS/shared/fault"
	"github.com/17882237881/MaaS/shared/ref"
	"github.com/17882237881/MaaS/shared/transfer"
)

// Puller fetches into a folder. Nothing outside of it is written, whatever the files are called.
type Puller struct {
	Client   *client.Client
	Folder   *os.Root
	Progress push.Progress
}

// Version fetches all files of a version. It fails with Conflict for a file that the folder has with other bytes.
func (p *Puller) Version(ctx context.Context, v catalog.Version) error {
	for _, f := range v.Files {
		if err := p.file(ctx, v, f); err != nil {
			return err
		}
	}
	return nil
}

func (p *Puller) file(ctx context.Context, v catalog.Version, f catalog.File) error {
	name := string(f.Path)
	there, err := p.holds(name, f)
	if err != nil {
		return err
	}
	p.Progress.Begin(name, f.Size, 0)
	defer p.Progress.End()
	if there {
		p.Progress.Sent(f.Size)
		p.Progress.Phase(transfer.Done, 1)
		return nil
	}
	if err := p.Folder.MkdirAll(path.Dir(name), 0o750); err != nil {
		return local(err)
	}
	if err := p.fetch(ctx, v, f, name+partial); err != nil {
		return err
	}
	if err := p.Folder.Rename(name+partial, name); err != nil {
		return local(err)
	}
	p.Progress.Phase(transfer.Done, 1)
	return nil
}

// partial ends the name of a file that is not whole yet.
const partial = ".part"

// holds reports whether the folder has the file already.
func (p *Puller) holds(name string, f catalog.File) (bool, error) {
	file, err := p.Folder.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, local(err)
	}
	defer func() { _ = file.Close() }() // only read from
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return false, local(err)
	}
	if ref.DigestOf(sum.Sum(nil)) != f.SHA256 {
		return false, fault.New(fault.Conflict, fmt.Sprintf("%s is there with other bytes: move it away, or pull into another folder.", name))
	}
	return true, nil
}

// tries bounds how often a broken transfer goes on.
const tries = 5

// fetch completes the partial file; what it has already is hashed, not fetched.
func (p *Puller) fetch(ctx context.Context, v catalog.Version, f catalog.File, name string) (err error) {
	file, err := p.Folder.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return local(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	have, err := io.Copy(sum, file)
	if err != nil {
		return local(err)
	}
	p.Progress.Sent(have)
	for try := 1; have < f.Size; try++ {
		n, err := p.rest(ctx, v, f, have, io.MultiWriter(file, sum, told{p.Progress}))
		have += n
		if err != nil && (try == tries || !fault.Is(err, fault.Unavailable)) {
			return err
		}
	}
	return check(file, sum, have, f)
}

// check fails, and empties the file, if it is not what it should be.
func check(file *os.File, sum hash.Hash, have int64, f catalog.File) error {
	if have == f.Size && ref.DigestOf(sum.Sum(nil)) == f.SHA256 {
		return local(file.Sync())
	}
	return errors.Join(
		fault.New(fault.Unprocessable, fmt.Sprintf("%s arrived with other bytes than it should have; run the command again.", f.Path)),
		local(file.Truncate(0)))
}

// rest fetches what comes from a byte on, and gives how much came.
func (p *Puller) rest(ctx context.Context, v catalog.Version, f catalog.File, from int64, to io.Writer) (int64, error) {
	answer, err := p.Client.Raw(ctx, client.Request{
		Method: http.MethodGet, Path: address(v, f), Header: map[string]string{"Range": fmt.Sprintf("bytes=%d-", from)},
	})
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	if from > 0 && answer.StatusCode != http.StatusPartialContent {
		return 0, fault.New(fault.Upstream, "The server does not give the rest of a file: delete "+string(f.Path)+partial+".")
	}
	n, err := io.Copy(to, io.LimitReader(answer.Body, f.Size-from))
	switch {
	case ctx.Err() != nil:
		return n, ctx.Err()
	case errors.As(err, new(*fs.PathError)):
		return n, local(err)
	case err != nil || n < f.Size-from:
		return n, fault.New(fault.Unavailable, "The transfer of "+string(f.Path)+" broke off.", fault.Cause(err))
	default:
		return n, nil
	}
}

func address(v catalog.Version, f catalog.File) string {
	parts := strings.Split(string(f.Path), "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return "/v1/models/" + v.Model.String() + "/versions/" + v.Version.String() + "/files/" + strings.Join(parts, "/")
}

// told tells of bytes that have come.
type told struct{ progress push.Progress }

// Write implements io.Writer.
func (t told) Write(p []byte) (int, error) {
	t.progress.Sent(int64(len(p)))
	return len(p), nil
}

// local is what went wrong on this machine.
func local(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Invalid, "The folder cannot be written: "+err.Error(), fault.Field("DIR"), fault.Cause(err))
}
