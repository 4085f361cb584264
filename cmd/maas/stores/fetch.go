package stores

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"github.com/17882237881/MaaS/shared/ownfile"
)

// postgresVersion is the one release of Postgres that is downloaded.
const postgresVersion = embeddedpostgres.V18

// digests are the SHA-256 of the archives of postgresVersion, by platform. They were taken from Maven Central over HTTPS, and equal what it says beside
// each. There is none for arm64 with musl.
var digests = map[string]string{
	"linux-amd64":        "1974c3a59c3ae010e9818e81637e425aad94eaac26e4ef533b42e081fe7ca345",
	"linux-amd64-alpine": "510fd314da39f1eeccef774a92428474168fedf55403342548e2adeaed66b483",
	"linux-arm64v8":      "1fb555a6602c13a113ab1f0cc9224d599948e85e51ac5f001393605505eaf78e",
	"darwin-amd64":       "cb68c57232945f5e74db946e6077d70cec56bfed35959b21acc750cc80ca0977",
	"darwin-arm64v8":     "a18ec9ec6a905e04f5a08a8f7870bddadd635feb54dee332a3daf80fada3cb1a",
}

// platform returns a platform's name as the archives have it. system and processor are as GOOS and GOARCH.
func platform(system, processor string) string {
	if processor == "arm64" {
		processor = "arm64v8"
	}
	return system + "-" + processor
}

// musl ends the names of the platforms of Alpine Linux, whose C library is another.
const musl = "-alpine"

// thisPlatform returns the name of this machine's platform, as the archives have it.
func thisPlatform() string {
	name := platform(runtime.GOOS, runtime.GOARCH)
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		name += musl
	}
	return name
}

// archive is a Postgres that can be downloaded.
type archive struct {
	repository string // URL of the folder of all platforms
	platform   string
	digest     string // of the archive: SHA-256, hexadecimal
}

// pinned returns the archive for a platform. It fails where no digest is pinned for it: a download that nobody can check is not run.
func pinned(platform string) (archive, error) {
	digest, ok := digests[platform]
	if !ok {
		return archive{}, fmt.Errorf("no digest of Postgres %s is pinned for %s, so that a download could not be checked: install Postgres %d or newer from the "+
			"system's packages, or set DATABASE_URL", postgresVersion, platform, oldestMajor)
	}
	return archive{"https://repo1.maven.org/maven2/io/zonky/test/postgres", platform, digest}, nil
}

func (a archive) url() string {
	name := "embedded-postgres-binaries-" + a.platform
	return fmt.Sprintf("%s/%s/%s/%s-%s.jar", a.repository, name, postgresVersion, name, postgresVersion)
}

const (
	largestArchive = 128 << 20 // bytes; the largest has 33 MB
	fetchTime      = 15 * time.Minute
)

// fetch downloads the archive, and writes the programs' tar file into the folder, where the library looks for it. It fails if the archive has
// another digest than the pinned one.
func (a archive) fetch(ctx context.Context, folder string) error {
	content, err := a.get(ctx)
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != a.digest {
		return fmt.Errorf("what %s gives has the SHA-256 %x, and not the pinned %s", a.url(), sum, a.digest)
	}
	programs, err := programsIn(content)
	if err != nil {
		return fmt.Errorf("%s: %w", a.url(), err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	path := filepath.Join(folder, fmt.Sprintf("embedded-postgres-binaries-%s-%s.txz", a.platform, postgresVersion))
	return ownfile.Write(path, programs)
}

// get downloads the archive and returns its bytes. It fails for more than largestArchive bytes, after fetchTime, and for any status but 200.
func (a archive) get(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url(), http.NoBody)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // only read from
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", a.url(), answer.Status)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, largestArchive+1))
	if err == nil && len(content) > largestArchive {
		err = fmt.Errorf("%s gives more than %d bytes", a.url(), largestArchive)
	}
	return content, err
}

// programsIn returns the one tar file (.txz) in the zip file content. It fails if there is none.
func programsIn(content []byte) ([]byte, error) {
	files, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	for _, file := range files.File {
		if !strings.HasSuffix(file.Name, ".txz") {
			continue
		}
		r, err := file.Open()
		if err != nil {
			return nil, err
		}
		return io.ReadAll(io.LimitReader(r, largestArchive))
	}
	return nil, errors.New("it has no programs")
}
