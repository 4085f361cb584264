package stores

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// download returns the Postgres in the user's cache folder, which the first call downloads. It fails if no digest is pinned for this machine's
// platform, or the download has another. The folder's name has the digest, so that nothing else is ever run.
func download(ctx context.Context, log *slog.Logger) (programs, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return programs{}, fmt.Errorf("cache folder: %w", err)
	}
	a, err := pinned(thisPlatform())
	if err != nil {
		return programs{}, err
	}
	home := filepath.Join(cache, "maas", "postgres", string(postgresVersion)+"-"+a.digest[:16])
	tree, downloads := filepath.Join(home, "programs"), filepath.Join(home, "downloads")
	if found := appendPrograms(ctx, nil, filepath.Join(tree, "bin")); len(found) == 1 {
		return found[0], nil
	}
	log.Info("there is no Postgres on this machine: downloading it", "version", string(postgresVersion), "to", tree)
	if err := a.fetch(ctx, downloads); err != nil {
		return programs{}, err
	}
	trial, err := tryOut(downloads, tree)
	if found := appendPrograms(ctx, nil, filepath.Join(tree, "bin")); len(found) == 1 {
		return found[0], nil
	}
	return programs{}, fmt.Errorf("%w: %s", err, trial)
}

// nowhere is where the library would download from if it did not find what was.
const nowhere = "https://download.invalid"

// tryOut has the library unpack the downloaded Postgres into tree, and start and stop it once with data of its own. It returns what that
// printed. As root it fails, since initdb refuses root, but tree is complete then.
func tryOut(downloads, tree string) (output string, err error) {
	trial, err := os.MkdirTemp("", "maas-postgres-")
	if err != nil {
		return "", fmt.Errorf("temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(trial)) }()
	port, err := freePort()
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(postgresVersion).Port(port).Logger(&text).BinaryRepositoryURL(nowhere).
		CachePath(downloads).BinariesPath(tree).
		RuntimePath(filepath.Join(trial, "run")).DataPath(filepath.Join(trial, "data")))
	if err := server.Start(); err != nil {
		return text.String(), err
	}
	return text.String(), server.Stop()
}

// freePort returns a TCP port of loopback on which nobody listens now.
func freePort() (uint32, error) {
	address, err := freeAddress()
	if err != nil {
		return 0, err
	}
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return uint32(port), err
}
