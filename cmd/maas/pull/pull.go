// Package pull downloads the files of a version into a folder, or one of them to a stream. A file gets its name when its bytes are whole and
// have the right digest; a download that was cut off is continued.
package pull

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	maas "github.com/17882237881/MaaS/client"
)

// Puller downloads into a folder. Nothing outside of it is written, whatever the files are called.
type Puller struct {
	Client   *maas.Client
	Folder   *os.Root
	Progress maas.Progress
}

// Version downloads files of a version. It fails with Conflict for a file that the folder has with other bytes, which stays as it is, and with
// Unprocessable for files that the folder cannot hold side by side. Several processes may download into one folder at once.
func (p *Puller) Version(ctx context.Context, v api.Version, files []api.File) error {
	if err := p.fits(files); err != nil {
		return err
	}
	for _, f := range files {
		if err := p.file(ctx, v, f); err != nil {
			return err
		}
	}
	return nil
}

// file downloads one file, unless the folder has it already, and reports its progress.
func (p *Puller) file(ctx context.Context, v api.Version, f api.File) error {
	there, err := p.holds(f)
	if err != nil {
		return err
	}
	p.Progress.Begin(string(f.Path), f.Size, 0)
	defer p.Progress.End()
	if there {
		p.Progress.Sent(f.Size)
		p.Progress.Phase(api.Done, 1)
		return nil
	}
	if err := p.download(ctx, v, f); err != nil {
		return err
	}
	p.Progress.Phase(api.Done, 1)
	return nil
}

// download downloads a file into a draft, and gives that the file's name once its bytes are right. It fails with Conflict if something with
// other bytes has got the name meanwhile.
func (p *Puller) download(ctx context.Context, v api.Version, f api.File) (err error) {
	if err := p.Folder.MkdirAll(path.Dir(string(f.Path)), 0o750); err != nil {
		return local(f, err)
	}
	d, err := openDraft(p.Folder, f)
	if err != nil {
		return local(f, err)
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := p.fetch(ctx, v, f, d); err != nil {
		return err
	}
	err = d.place()
	if !errors.Is(err, fs.ErrExist) {
		return local(f, err)
	}
	// Another process was faster, or something of that name appeared meanwhile.
	there, err := p.holds(f)
	if err == nil && !there {
		err = conflict(f)
	}
	return err
}

// holds reports whether the folder has the file already, with the right bytes. It fails with Conflict if something else has its name.
func (p *Puller) holds(f api.File) (bool, error) {
	name := string(f.Path)
	if _, err := p.Folder.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	info, err := p.Folder.Stat(name) // before it is opened: a pipe would block
	if errors.Is(err, fs.ErrNotExist) {
		return false, conflict(f) // a link that leads nowhere
	}
	if err != nil {
		return false, local(f, err)
	}
	if !info.Mode().IsRegular() || info.Size() != f.Size {
		return false, conflict(f)
	}
	file, err := p.Folder.Open(name)
	if err != nil {
		return false, local(f, err)
	}
	defer func() { _ = file.Close() }() // only read from
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return false, local(f, err)
	}
	if ref.DigestOf(sum.Sum(nil)) != f.SHA256 {
		return false, conflict(f)
	}
	return true, nil
}

// conflict returns the Conflict error for a file whose name something else has.
func conflict(f api.File) error {
	return fault.New(fault.Conflict, fmt.Sprintf("%s is there with other bytes: move it away, or pull into another folder.", f.Path))
}

// fetch completes a draft: it hashes the bytes that the draft has and downloads the rest. If the digest is wrong it empties the draft and
// downloads all once more; if it is wrong then too, fetch fails with Unprocessable.
func (p *Puller) fetch(ctx context.Context, v api.Version, f api.File, d *draft) error {
	sum := sha256.New()
	begun, err := io.Copy(sum, d.file)
	if err != nil {
		return local(f, err)
	}
	p.Progress.Sent(begun)
	request := maas.DownloadRequest{Version: v, File: f, From: begun, Progress: p.Progress}
	n, err := p.Client.Download(ctx, request, io.MultiWriter(disk{d.file, f}, sum))
	if err != nil {
		return err
	}
	have := begun + n
	if have == f.Size && ref.DigestOf(sum.Sum(nil)) == f.SHA256 {
		return local(f, d.file.Sync())
	}
	if err := d.empty(); err != nil {
		return local(f, err)
	}
	if begun == 0 {
		d.wrong = true
		return damaged(f)
	}
	p.Progress.Sent(-have)
	return p.fetch(ctx, v, f, d)
}

// damaged returns the Unprocessable error for a file that came with the wrong bytes.
func damaged(f api.File) error {
	return fault.New(fault.Unprocessable, fmt.Sprintf("%s arrived with other bytes than it should have; run the command again.", f.Path))
}
