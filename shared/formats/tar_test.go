package formats_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/formats"
)

// tarred returns a file with the checksum of a tar archive's header in its first block, of signed bytes or not.
func tarred(file string, signed bool, form func(sum int) string) string {
	const begin, end = 148, 156
	sum := 8 * int(' ')
	for i, c := range []byte(file[:512]) {
		switch {
		case i >= begin && i < end:
		case signed:
			sum += int(int8(c))
		default:
			sum += int(c)
		}
	}
	return file[:begin] + form(sum) + file[end:]
}

// octal returns what writes a sum in a form.
func octal(form string) func(sum int) string {
	return func(sum int) string { return fmt.Sprintf(form, sum) }
}

func TestAPickleThatIsATarArchiveIsRefused(t *testing.T) {
	t.Parallel()
	// each has at least 512 bytes, of which some that may be anything are at 148
	wide := "\x80\x02T\x00\x04\x00\x00" + strings.Repeat("\xe9", 1024) + "."
	old := "(S'" + strings.Repeat("x", 1024) + "'\nt."
	legacy := beforeZip("\x80\x02T\x00\x04\x00\x00"+strings.Repeat("x", 1024)+".", "")
	for name, c := range map[string]struct {
		path   ref.Path
		file   string
		signed bool
		form   func(sum int) string
	}{
		"a pickle":                {"model.pkl", wide, false, octal("%06o\x00 ")},
		"a pickle for PyTorch":    {"model.pt", wide, false, octal("%06o\x00 ")},
		"joblib's":                {"model.joblib", wide, false, octal("%06o\x00 ")},
		"without an ending":       {"w.bin", wide, false, octal("%07o\x00")},
		"a sum of signed bytes":   {"model.pth", wide, true, func(n int) string { return fmt.Sprintf("%06o\x00 ", n) }},
		"digits behind spaces":    {"model.pth", wide, false, octal(" %06o ")},
		"digits as Python's":      {"model.pth", wide, false, octal("0o%06o")},
		"digits with underscores": {"model.pth", wide, false, octal("%06o_\x00")},
		"base 256":                {"model.pth", wide, false, func(n int) string { return "\x80\x00\x00\x00" + string(binary.BigEndian.AppendUint32(nil, uint32(n))) }},
		"protocol 0":              {"model.pt", old, false, octal("%06o\x00 ")},
		"before zip":              {"model.pt", legacy, false, octal("%06o\x00 ")},
		"data":                    {"w.bin", strings.Repeat("\x07", 600), false, octal("%06o\x00 ")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := recogniseAs(c.path, c.file); err != nil && codeOf(err) != "" && !strings.HasPrefix(err.Error(), "this is") {
				t.Fatalf("as it was: %v", err)
			}
			file := tarred(c.file, c.signed, c.form)
			_, err := recogniseAs(c.path, file)
			if err == nil || !strings.Contains(err.Error(), "tar archive") {
				t.Errorf("got %v", err)
			}
		})
	}
	inner := tarred(strings.Repeat("x", 1024), false, octal("%06o\x00 "))
	if got := details(t, "model.pt", archiveOf(t, "archive/data.pkl", stateDict, "archive/x.pt", inner), formats.PyTorch); len(got) != 1 ||
		got[0] != `"archive/x.pt" is a tar archive` {
		t.Errorf("found %q", got)
	}
}
