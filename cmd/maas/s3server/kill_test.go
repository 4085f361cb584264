package s3server

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/versity/versitygw/backend/posix"
)

func TestPartsOutliveAKill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parts := randomParts(2)
	upload := w.open("t/a")
	sent := w.send("t/a", upload, parts)

	w.kill()
	w.start()

	w.must(w.complete("t/a", upload, sent))
	w.assertObject("t/a", bytes.Join(parts, nil))
}

func TestAKillInCompleteLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parts := randomParts(4)
	for i := range 8 {
		key := fmt.Sprintf("t/a/%d", i)
		upload := w.open(key)
		sent := w.send(key, upload, parts)

		ended := make(chan error, 1)
		go func() { ended <- w.complete(key, upload, sent) }() // ends with the server
		time.Sleep(time.Duration(i) * 3 * time.Millisecond)
		w.kill()
		acknowledged := <-ended == nil
		w.start()

		if acknowledged && !w.has(key) {
			t.Fatalf("%s was acknowledged and is not there", key)
		}
		if !w.has(key) {
			w.must(w.complete(key, upload, sent))
		}
		w.assertObject(key, bytes.Join(parts, nil))
		w.assertNoUploads()
	}
}

func TestACompleteCutShortBetweenTheTwoTreesIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parts := randomParts(1)
	upload := w.open("t/a")
	sent := w.send("t/a", upload, parts)
	w.kill()
	w.claim(upload, "objects")

	w.start()

	w.must(w.complete("t/a", upload, sent))
	w.assertObject("t/a", bytes.Join(parts, nil))
}

func TestACompleteCutShortWithAPartSentSinceIsUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parts := randomParts(2)
	upload := w.open("t/a")
	sent := w.send("t/a", upload, parts)
	w.kill()
	w.claim(upload, "objects")
	w.claim(upload, "metadata")
	for _, tree := range []string{"objects", "metadata"} { // part 2, as versitygw alone would have taken it during the Complete
		claim := w.claimed(tree)
		open := filepath.Join(filepath.Dir(claim), upload)
		w.must(os.Mkdir(open, 0o700))
		w.must(os.Rename(filepath.Join(claim, "2"), filepath.Join(open, "2")))
	}

	w.start()

	w.must(w.complete("t/a", upload, sent))
	w.assertObject("t/a", bytes.Join(parts, nil))
}

func TestAnUploadWhoseObjectIsThereIsNotOpenedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	parts := randomParts(1)
	upload := w.open("t/a")
	sent := w.send("t/a", upload, parts)
	w.must(w.complete("t/a", upload, sent))
	w.kill()
	folder := filepath.Join(w.cfg.Data, "objects", bucket, uploads("t/a"))
	w.must(os.MkdirAll(filepath.Join(folder, upload+".etag"+inProgress), 0o700))

	w.start()

	w.assertNoUploads()
	w.must(w.complete("t/a", upload, sent)) // asked again, by one who did not get the answer
	w.assertObject("t/a", bytes.Join(parts, nil))
}

func TestAttributesOfAnObjectThatIsNotThereDoNotBlockItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	attributes := filepath.Join(w.cfg.Data, "metadata", bucket, "t", "a", "meta")
	w.must(os.MkdirAll(attributes, 0o700))
	w.must(os.WriteFile(filepath.Join(attributes, "etag"), []byte("left by a kill"), 0o600))

	w.must(w.put("t/a", []byte("bytes")))

	w.assertObject("t/a", []byte("bytes"))
	if err := w.put("t/a", []byte("others")); err == nil {
		t.Error("the key was written twice")
	}
}

func TestStagingFilesGoAtTheNextStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upload := w.open("t/a")
	w.kill()
	folder := filepath.Join(w.cfg.Data, "objects", bucket, uploads("t/a"))
	staged := filepath.Join(folder, "0123.456")
	w.must(os.WriteFile(staged, []byte("half a part"), 0o600))

	w.start()

	if _, err := os.Stat(staged); err == nil {
		t.Error("the staging file is there")
	}
	if _, err := os.Stat(filepath.Join(folder, upload)); err != nil {
		t.Errorf("the open upload: %v", err)
	}
}

func TestASecondServerWaitsForTheFirstToEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.put("t/a", []byte("bytes")))
	first := w.server
	w.cfg.Listen = freeAddress(t)
	go func() { // ends with the first server
		time.Sleep(300 * time.Millisecond)
		_ = first.Signal(os.Kill)
		<-first.Done()
	}()

	w.start()

	select {
	case <-first.Done():
	default:
		t.Error("two servers on one folder")
	}
}

// claim renames an upload's folder as versitygw does when it begins a Complete.
func (w *world) claim(upload, tree string) {
	w.Helper()
	open, err := filepath.Glob(filepath.Join(w.cfg.Data, tree, bucket, posix.MetaTmpMultipartDir, "*", upload))
	w.must(err)
	w.must(os.Rename(open[0], open[0]+".0123-2"+inProgress))
}

func (w *world) claimed(tree string) string {
	w.Helper()
	claims, err := filepath.Glob(filepath.Join(w.cfg.Data, tree, bucket, posix.MetaTmpMultipartDir, "*", "*"+inProgress))
	w.must(err)
	return claims[0]
}

// assertNoUploads checks that neither tree holds parts or their attributes.
func (w *world) assertNoUploads() {
	w.Helper()
	for _, tree := range []string{"objects", "metadata"} {
		left, err := filepath.Glob(filepath.Join(w.cfg.Data, tree, bucket, posix.MetaTmpMultipartDir, "*", "*-*"))
		w.must(err)
		if len(left) > 0 {
			w.Errorf("left behind: %v", left)
		}
	}
}
