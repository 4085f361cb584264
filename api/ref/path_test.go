package ref_test

import (
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/api/ref"
)

func TestPathsAreRelativeAndClean(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"model.onnx", "weights/part-0.bin", "ü/模型.onnx", "a b", "...", "a/.hidden"} {
		if got, err := ref.ParsePath(good); err != nil || string(got) != good {
			t.Errorf("ParsePath(%q) = %q, %v", good, got, err)
		}
	}
}

func TestPathsThatLeaveTheirPlaceAreRefused(t *testing.T) {
	t.Parallel()
	bad := []string{
		"", ".", "..", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", `a\b`, "a\x00b", "a\nb", "\x7f", "a\u202eb", "a\u2028b",
		"\xff", strings.Repeat("a", 256), strings.Repeat("a/", 300) + "b",
	}
	for _, path := range bad {
		_, err := ref.ParsePath(path)
		faulttest.AssertKind(t, err, fault.Invalid, "path")
	}
}

func FuzzParsePath(f *testing.F) {
	f.Add("weights/part-0.bin")
	f.Add("../../etc/passwd")
	f.Fuzz(func(t *testing.T, s string) {
		path, err := ref.ParsePath(s)
		if err == nil && (string(path) != s || strings.Contains("/"+s+"/", "/../") || s[0] == '/') {
			t.Errorf("ParsePath accepted %q", s)
		}
	})
}
