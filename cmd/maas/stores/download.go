package stores

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// download fetches Postgres into the user's cache folder, once. The library can only fetch and start in one: as root it stops when
// initdb refuses root, and the programs are there by then.
func download(ctx context.Context, log *slog.Logger) (programs, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return programs{}, fmt.Errorf("cache folder: %w", err)
	}
	home := filepath.Join(cache, "maas", "postgres")
	tree := filepath.Join(home, string(embeddedpostgres.V18))
	if found := appendPrograms(ctx, nil, filepath.Join(tree, "bin")); len(found) == 1 {
		return found[0], nil
	}
	log.Info("there is no Postgres on this machine: downloading it", "version", string(embeddedpostgres.V18), "to", tree)
	trial, err := tryOut(home, tree)
	if found := appendPrograms(ctx, nil, filepath.Join(tree, "bin")); len(found) == 1 {
		return found[0], nil
	}
	return programs{}, fmt.Errorf("%w: %s", err, trial)
}

// tryOut has the library fetch, start and stop a Postgres with data of its own; it gives what that wrote.
func tryOut(home, tree string) (output string, err error) {
	trial, err := os.MkdirTemp("", "maas-postgres-")
	if err != nil {
		return "", fmt.Errorf("temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(trial)) }()
	defer http.DefaultClient.CloseIdleConnections() //nolint:forbidigo // it is the library's, which leaves them open
	port, err := freePort()
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	server := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(embeddedpostgres.V18).Port(port).Logger(&text).
		CachePath(filepath.Join(home, "downloads")).BinariesPath(tree).
		RuntimePath(filepath.Join(trial, "run")).DataPath(filepath.Join(trial, "data")))
	if err := server.Start(); err != nil {
		return text.String(), err
	}
	return text.String(), server.Stop()
}

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
