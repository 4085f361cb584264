package settings_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/shared/settings"
)

func TestServiceKeyDiffersByLabelAndSecret(t *testing.T) {
	t.Parallel()
	derive := func(secret, label string) []byte {
		key, err := settings.New("test", map[string]string{"MAAS_SERVICE_KEY": secret}).ServiceKey(label)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	one, other := strings.Repeat("a", 32), strings.Repeat("b", 32)
	if key := derive(one, "events"); len(key) != 32 || !bytes.Equal(key, derive(one, "events")) {
		t.Errorf("the key is %x, and another the second time", key)
	}
	if bytes.Equal(derive(one, "events"), derive(one, "page tokens")) || bytes.Equal(derive(one, "events"), derive(other, "events")) {
		t.Error("two labels or two secrets give one key")
	}
}

func TestServiceKeyRefusesAWeakSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", strings.Repeat("a", 31)} {
		if _, err := settings.New("test", map[string]string{"MAAS_SERVICE_KEY": secret}).ServiceKey("events"); err == nil {
			t.Errorf("a secret of %d bytes is taken", len(secret))
		}
	}
}
