package formats_test

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

// hugeArchive returns an archive with a compressed file that is said to have size bytes, behind others that are stored.
func hugeArchive(t testing.TB, name string, size uint64, others ...string) string {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for i := 0; i < len(others); i += 2 {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: others[i]})
		if err == nil {
			_, err = w.Write([]byte(others[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	packed := deflated(t, strings.Repeat("{", 8<<10)) + strings.Repeat("x", 4<<20)
	w, err := archive.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Deflate, Flags: 8, UncompressedSize64: size, CompressedSize64: uint64(len(packed)),
	})
	if err == nil {
		_, err = w.Write([]byte(packed))
	}
	if err != nil || archive.Close() != nil {
		t.Fatal(err)
	}
	return out.String()
}

// deflated returns what deflate makes of the content.
func deflated(t testing.TB, content string) string {
	t.Helper()
	whole := zlibOf(t, content)
	return whole[2 : len(whole)-4] // without its header and its sum
}

func TestWhatTakesLongToDecompressIsRefused(t *testing.T) {
	t.Parallel()
	script := []string{"net/data.pkl", "\x80\x02N.", "net/constants.pkl", "\x80\x02)."}
	for name, c := range map[string]struct {
		path, file string
		says       string
	}{
		"a pickle in an archive": {
			"model.pt", hugeArchive(t, "archive/data.pkl", 5<<30), "has more than 4294967296 bytes of compressed pickles and code: save it without compression",
		},
		"code in an archive": {
			"model.pt", hugeArchive(t, "net/code/x.py", 5<<30, script...),
			"has more than 4294967296 bytes of compressed pickles and code: save it without compression",
		},
		"a configuration": {
			"model.keras", hugeArchive(t, "config.json", 300<<20, "metadata.json", "{}", "model.weights.h5", ""), `has the file "config.json" of 314572800 bytes`,
		},
		"bzip2": {
			"model.joblib", strings.Repeat(bzip2Of, 5000) + strings.Repeat(bzip2Zeros, 9),
			"has more than 536870912 bytes when it is decompressed: save it without compression",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := recogniseAs(c.path, c.file)
			if codeOf(err) != formats.TooComplex || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestArchivesWithManyFilesInAllAreRefused(t *testing.T) {
	t.Parallel()
	names := make([]string, 40_000)
	for i := range names {
		names[i] = "a/" + strings.Repeat("x", i%200) + string(rune('a'+i/200%26)) + string(rune('a'+i/200/26))
	}
	inner := zipOf(t, names...)
	_, err := recogniseAs("model.pt", archiveOf(t, "archive/data.pkl", stateDict, "archive/x", inner, "archive/y", inner))
	if codeOf(err) != formats.TooComplex || !strings.Contains(err.Error(), "65536 files") {
		t.Errorf("got %v", err)
	}
}
