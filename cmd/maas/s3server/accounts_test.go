package s3server

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// mount mounts the accounts of owners as Secrets of these names.
func (w *world) mount(accounts map[string]Credentials) {
	w.Helper()
	w.cfg.Credentials = w.mounted(accounts)
}

// mounted writes accounts as Secrets of these names are mounted, and returns the folder.
func (w *world) mounted(accounts map[string]Credentials) (folder string) {
	w.Helper()
	folder = w.TempDir()
	for name, one := range accounts {
		secret := filepath.Join(folder, name)
		w.must(os.Mkdir(secret, 0o700))
		w.must(os.WriteFile(filepath.Join(secret, "access-key-id"), []byte(one.AccessKeyID+"\n"), 0o600))
		w.must(os.WriteFile(filepath.Join(secret, "secret-access-key"), []byte(one.SecretAccessKey+"\n"), 0o600))
	}
	return folder
}

// restart ends the server and starts it with what was changed of it.
func (w *world) restart() {
	w.Helper()
	w.server.Stop(context.Background())
	w.http.CloseIdleConnections()
	w.start()
}

// as signs with other credentials.
func (w *world) as(c Credentials) {
	options := w.client.Options()
	options.Credentials = credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, "")
	w.client = s3.New(options)
}

func TestAMountedAccountFollowsAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b, c := Credentials{"maas-a", "first"}, Credentials{"maas-b", "second"}, Credentials{"maas-a", "third"}

	w.mount(map[string]Credentials{"a": a})
	w.restart()
	w.as(a)
	upload := w.open("t/upload")
	w.must(w.put("t/a", []byte("bytes")))

	w.mount(map[string]Credentials{"a": a, "b": b})
	w.restart()
	w.must(w.put("t/b", []byte("as the former")))
	w.as(b)
	w.must(w.put("t/c", []byte("as the next")))
	parts := w.send("t/upload", upload, [][]byte{bytes.Repeat([]byte("x"), smallest)})
	w.must(w.complete("t/upload", upload, parts))

	w.mount(map[string]Credentials{"a": c, "b": b})
	w.restart()
	w.must(w.put("t/d", []byte("as the former, which b is now")))
	w.as(a)
	if err := w.put("t/e", []byte("as nobody")); err == nil {
		t.Error("the first account is good though another has taken its place")
	}
}

func TestAnEmptyVolumeIsEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Data, w.cfg.Bucket = filepath.Join(t.TempDir(), "s3"), bucket
	w.mount(map[string]Credentials{"a": {"maas-a", "first"}})
	w.restart()
	w.as(Credentials{"maas-a", "first"})

	w.must(w.put("t/a", []byte("bytes")))
}

func TestTheBucketIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Bucket = "another"

	for range 2 {
		w.restart()
		_, err := w.client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("another")})
		w.must(err)
	}
}

func TestCredentialsThatAreNotThereAreNamed(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	if _, err := ReadCredentials(empty); err == nil {
		t.Error("a server without an account started")
	}
	if err := os.MkdirAll(filepath.Join(empty, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(empty, "a", "access-key-id"), []byte("maas-a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCredentials(empty); err == nil {
		t.Error("an account without a secret was taken")
	}
}

func TestTwoAccountsCannotHaveOneID(t *testing.T) {
	t.Parallel()
	owner, reader := Credentials{AccessKeyID: "a", SecretAccessKey: "x"}, Credentials{AccessKeyID: "a", SecretAccessKey: "y"}
	if err := checkDistinct([]Credentials{owner, reader}); err == nil || !strings.Contains(err.Error(), "id a") {
		t.Errorf("it is taken, %v", err)
	}
	if err := checkDistinct([]Credentials{owner, {AccessKeyID: "b"}}); err != nil {
		t.Error(err)
	}
}
