//go:build !cluster

package field

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/e2e/e2etest"
	"github.com/17882237881/MaaS/shared/functiontest"
)

// TestADamagedStoreIsOurFaultAndHealsWhenItIsMended damages the one object of a version that has never been started, and mends it.
func TestADamagedStoreIsOurFaultAndHealsWhenItIsMended(t *testing.T) {
	t.Parallel()
	u := the.Register(t)
	model := u.Of("digits")
	u.Maas("push", model+"@1.0.0", u.Padded(14, 1<<20)).Ends(0, "verified")
	api := u.Site()
	object := objectOf(t, u.Padded(14, 1<<20))
	mend := damage(t, object)

	download := functiontest.Request{Method: http.MethodGet, Path: "/v1/models/" + model + "/versions/1.0.0/files/14.onnx", Token: api.Token}
	broken(t, u.Server+download.Path, api.Token)
	api.Post("/v1/models/"+model+"/versions/1.0.0/publish", `{}`, http.StatusAccepted, nil)
	infer := functiontest.Request{
		Method: http.MethodPost, Path: "/v2/models/" + model + "/versions/1.0.0/infer", Token: api.Token,
		Body: string(e2etest.Content(t, "digits-request.json")), Header: map[string]string{"X-Request-Timeout": "20000"},
	}
	var told []string
	e2etest.Eventually(t, "a call is told of the damage", time.Minute, func() bool {
		answer := api.Do(infer)
		answer.AssertProblem(t, fault.Unavailable)
		told = append(told, string(answer.Body))
		return strings.Contains(string(answer.Body), "The object store is damaged")
	})
	told = append(told, api.Text("/v1/models/"+model+"/versions/1.0.0"))
	for _, text := range told {
		if strings.Contains(text, the.Data(t)) || strings.Contains(text, filepath.Base(object)) {
			t.Errorf("a path of the host or a key of the store is told: %s", text)
		}
	}
	assertDamageRecorded(t, u)

	mend()

	if whole := api.Must(download, http.StatusOK, nil); e2etest.Digest(whole.Body) != e2etest.Digest(read(t, u.Padded(14, 1<<20))) {
		t.Error("other bytes are downloaded from the mended store")
	}
	e2etest.Eventually(t, "the model is served from the mended store", 3*time.Minute, func() bool {
		return api.Do(infer).Status == http.StatusOK
	})
	e2etest.Eventually(t, "the failed calls are counted as errors of ours", 30*time.Second, func() bool {
		var stats struct {
			Total struct{ Errors, Refused int64 }
		}
		text := api.Text("/v1/models/" + model + "/stats?window=1h")
		e2etest.Must(t, json.Unmarshal([]byte(text), &stats))
		if stats.Total.Refused > 0 {
			t.Fatalf("calls are counted as refused: %s", text)
		}
		return stats.Total.Errors > 0
	})
}

// broken downloads from a damaged store, and expects a problem of ours or a download that breaks off.
func broken(t *testing.T, address, token string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	e2etest.Must(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	e2etest.Must(t, err)
	defer func() { _ = answer.Body.Close() }()
	var got bytes.Buffer
	_, err = got.ReadFrom(answer.Body)
	if answer.StatusCode == http.StatusOK && err == nil {
		t.Errorf("%d damaged bytes were downloaded as if they were right", got.Len())
	} else if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a damaged download is answered %s: %s", answer.Status, got.String())
	}
}

// objectOf finds the object of the host's store that has a file's bytes.
func objectOf(t *testing.T, file string) (path string) {
	t.Helper()
	want := sha256.Sum256(read(t, file))
	size := int64(len(read(t, file)))
	e2etest.Must(t, filepath.WalkDir(the.Data(t), func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // the host writes and removes files meanwhile
		}
		if info, err := entry.Info(); err != nil || info.Size() != size {
			return nil
		}
		if content, err := os.ReadFile(at); err == nil && sha256.Sum256(content) == want {
			path = at
		}
		return nil
	}))
	if path == "" {
		t.Fatalf("the store has no object with the SHA-256 %s", hex.EncodeToString(want[:]))
	}
	return path
}

// damage changes one byte in the middle of an object.
func damage(t *testing.T, path string) (mend func()) {
	t.Helper()
	flip := func() {
		content := read(t, path)
		content[len(content)/2] ^= 1
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		e2etest.Must(t, err)
		_, err = file.WriteAt(content[len(content)/2:len(content)/2+1], int64(len(content)/2))
		e2etest.Must(t, err)
		e2etest.Must(t, file.Close())
	}
	flip()
	return flip
}

// assertDamageRecorded expects one entry in the audit log for the damage that was met with several times.
func assertDamageRecorded(t *testing.T, u *e2etest.User) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, "postgres://postgres@/maas?host="+filepath.Join(the.Data(t), "run"))
	e2etest.Must(t, err)
	defer func() { _ = conn.Close(ctx) }()
	e2etest.Eventually(t, "the damage is recorded", time.Minute, func() bool {
		var entries int
		e2etest.Must(t, conn.QueryRow(ctx, `select count(*) from audit_entries where action = 'version.damaged' and resource = $1`,
			u.Of("digits")+"@1.0.0").Scan(&entries))
		if entries > 1 {
			t.Fatalf("one damage has %d entries", entries)
		}
		return entries == 1
	})
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	e2etest.Must(t, err)
	return content
}
