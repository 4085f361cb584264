package termination_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/17882237881/MaaS/shared/termination"
)

func TestTheLastWordsReplaceWhatWasSaidBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "message")
	if err := os.WriteFile(path, []byte("an earlier and longer message"), 0o600); err != nil {
		t.Fatal(err)
	}

	termination.Say(path, "the model\n\tdoes not load\n")

	if got, err := os.ReadFile(path); err != nil || string(got) != "the model does not load" {
		t.Errorf("the message is %q, %v", got, err)
	}
}

func TestOutsideOfAContainerNothingIsLeft(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "message")

	termination.Say(path, "the model does not load")

	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made")
	}
}

func TestALongMessageIsCutBetweenLetters(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "message")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	termination.Say(path, "x"+strings.Repeat("ü", 4096))

	if got, err := os.ReadFile(path); err != nil || len(got) != 4095 || !utf8.Valid(got) {
		t.Errorf("the message has %d bytes, %v", len(got), err)
	}
}
