package stores

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldestMajor is the first version of Postgres that MaaS works with.
const oldestMajor = 15

// programs are one installation of Postgres.
type programs struct {
	bin   string // folder of initdb and postgres
	major int
}

// path returns the path of one of the programs, such as "initdb".
func (p programs) path(name string) string { return filepath.Join(p.bin, name) }

// findPrograms returns the Postgres for the data folder: of the version that made the data, or, if there is no data yet, the newest. It
// prefers one on this machine to a download, and fails if there is none.
func findPrograms(ctx context.Context, data string, log *slog.Logger) (programs, error) {
	wanted, err := majorOf(data)
	if err != nil {
		return programs{}, err
	}
	installed := installedPrograms(ctx)
	for _, p := range installed {
		if wanted == 0 || p.major == wanted {
			return p, nil
		}
	}
	fetched, err := download(ctx, log)
	if err != nil {
		return programs{}, fmt.Errorf("there is no Postgres %d or newer on this machine, and none could be downloaded: %w", oldestMajor, err)
	}
	if wanted != 0 && fetched.major != wanted {
		return programs{}, fmt.Errorf("%s was made by Postgres %d, which is not on this machine", data, wanted)
	}
	return fetched, nil
}

// majorOf returns the major version of the Postgres that made the data, 0 if there is no data yet.
func majorOf(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("postgres: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("postgres: version of %s: %w", data, err)
	}
	return major, nil
}

// installedPrograms returns the Postgres installations of PATH and of Debian's folders that are new enough: first PATH's, then the others from
// the newest to the oldest.
func installedPrograms(ctx context.Context) []programs {
	var found []programs
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well-formed
	for _, folder := range folders {
		found = appendPrograms(ctx, found, folder)
	}
	slices.SortStableFunc(found, func(a, b programs) int { return cmp.Compare(b.major, a.major) })
	if onPath, err := exec.LookPath("postgres"); err == nil {
		if program, err := filepath.EvalSymlinks(onPath); err == nil {
			found = append(appendPrograms(ctx, nil, filepath.Dir(program)), found...)
		}
	}
	return found
}

// appendPrograms appends the installation in a folder to found, if there is one that is complete and not older than oldestMajor. It runs its
// postgres to learn the version.
func appendPrograms(ctx context.Context, found []programs, folder string) []programs {
	p := programs{bin: folder}
	if _, err := exec.LookPath(p.path("initdb")); err != nil {
		return found
	}
	text, err := exec.CommandContext(ctx, p.path("postgres"), "--version").Output()
	if err != nil {
		return found
	}
	// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
	version := regexp.MustCompile(`\) (\d+)`).FindSubmatch(text)
	if version == nil {
		return found
	}
	if p.major, err = strconv.Atoi(string(version[1])); err != nil || p.major < oldestMajor {
		return found
	}
	return append(found, p)
}
