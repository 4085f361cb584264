package formats_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/formats"
)

// extraField returns an extra field of an archive's file.
func extraField(id uint16, data string) string {
	head := binary.LittleEndian.AppendUint16(nil, id)
	return string(binary.LittleEndian.AppendUint16(head, uint16(len(data)))) + data
}

// renamed returns the extra field that has another name for a file (Info-ZIP's Unicode Path).
func renamed(from, to string) string {
	data := binary.LittleEndian.AppendUint32([]byte{1}, crc32.ChecksumIEEE([]byte(from)))
	return extraField(0x7075, string(data)+to)
}

// archiveWith returns an archive of files that are stored: names, extra fields and contents.
func archiveWith(t testing.TB, files ...string) string {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for i := 0; i < len(files); i += 3 {
		w, err := archive.CreateHeader(&zip.FileHeader{Name: files[i], Extra: []byte(files[i+1])})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[i+2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAFileThatSomeReadersRenameIsRefused(t *testing.T) {
	t.Parallel()
	lambda := `{"class_name": "Lambda", "config": {}}`
	keras := func(extra string) string {
		return archiveWith(t, "metadata.json", "", `{"keras_version": "3.15.1"}`, "config.json", "", "{}", "model.weights.h5", "", "\x89HDF\r\n\x1a\n",
			"xonfig.json", extra, lambda)
	}
	hides := renamed("xonfig.json", "config.json")
	whole := keras(hides)
	central := strings.LastIndex(whole, hides)
	local := strings.Index(whole, hides)
	for name, file := range map[string]string{
		"of a Keras file":         whole,
		"in the directory alone":  whole[:local] + strings.Replace(whole[local:central], "\x75\x70", "\x55\x54", 1) + whole[central:],
		"in the header alone":     whole[:central] + strings.Replace(whole[central:], "\x75\x70", "\x55\x54", 1),
		"behind another field":    keras(extraField(0x5455, "\x00") + hides),
		"a field that is unknown": keras(extraField(0xcafe, "")),
		"a comment":               keras(extraField(0x6375, "\x01....")),
		"half a field":            keras(extraField(0x5455, "\x00") + "up"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := recogniseAs("model.keras", file)
			if code := codeOf(err); code != formats.Malformed {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheExtraFieldsOfCommonArchiversAreRead(t *testing.T) {
	t.Parallel()
	fields := extraField(0x5455, "\x01....") + extraField(0x7875, "\x01\x04........") + extraField(0x5855, "........") + extraField(0x000a, "....")
	for name, extra := range map[string]string{"Info-ZIP's": fields, "PyTorch's": extraField(0x4246, strings.Repeat("Z", 20))} {
		file := archiveWith(t, "archive/data.pkl", extra, stateDict)
		if got := details(t, "model.pt", file, formats.PyTorch); len(got) > 0 {
			t.Errorf("%s: found %q", name, got)
		}
	}
}
