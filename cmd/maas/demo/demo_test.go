package demo

import (
	"bytes"
	"os"
	"testing"
)

func TestTheSampleIsWhole(t *testing.T) {
	t.Parallel()
	first, second, err := Unpack(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []Version{first, second} {
		if outputs, err := v.Check(v.expected); err != nil || len(outputs) != 2 {
			t.Errorf("%v, %v", outputs, err)
		}
		if info, err := os.Stat(v.File); err != nil || info.Size() == 0 || len(v.Request) == 0 {
			t.Errorf("%s: %v", v.File, err)
		}
	}
}

func TestAWrongAnswerIsFound(t *testing.T) {
	t.Parallel()
	v, _, err := Unpack(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string][]byte{
		"another label": bytes.Replace(v.expected, []byte("[2, 8, 2]"), []byte("[2, 8, 3]"), 1),
		"no output":     []byte(`{"outputs": []}`),
		"no JSON":       []byte("<html>"),
	} {
		if _, err := v.Check(answer); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
