package settings_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/17882237881/MaaS/shared/mounttest"
	"github.com/17882237881/MaaS/shared/settings"
)

func TestConfigLeavesOtherProgramsFilesAlone(t *testing.T) {
	t.Parallel()
	var config struct {
		Key string `env:"KEY" envDefault:"unset"`
	}
	if err := settings.New("test", map[string]string{"TF_CLI_CONFIG_FILE": "/does/not/exist"}).Config(&config); err != nil {
		t.Fatal(err)
	}
	if config.Key != "unset" {
		t.Errorf("Key = %q", config.Key)
	}
}

func TestConfigReadsASecretFromItsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var config struct {
		Key  string `env:"KEY"`
		Size int    `env:"SIZE" envDefault:"7"`
	}
	if err := settings.New("test", map[string]string{"KEY_FILE": file}).Config(&config); err != nil {
		t.Fatal(err)
	}
	if config.Key != "s3cret" || config.Size != 7 {
		t.Errorf("config is %+v", config)
	}
}

func TestSecretIsReadAgainEachTime(t *testing.T) {
	t.Parallel()
	mount := mounttest.New(t, map[string]string{"key": "one"})
	e := settings.New("test", map[string]string{"KEY_FILE": mount.Path("key")})
	for _, want := range []string{"one", "two"} {
		mount.Replace(map[string]string{"key": want + "\n"})
		if got, err := e.Secret("KEY"); err != nil || got != want {
			t.Errorf("Secret gives %q, %v; want %q", got, err, want)
		}
	}
}

func TestASecretIsReadWhileItIsReplaced(t *testing.T) {
	t.Parallel()
	mount := mounttest.New(t, map[string]string{"key": "secret"})
	e := settings.New("test", map[string]string{"KEY_FILE": mount.Path("key")})
	done := make(chan struct{})
	go func() { // ends by itself
		defer close(done)
		for range 500 {
			mount.Replace(map[string]string{"key": "secret"})
		}
	}()
	for {
		if got, err := e.Secret("KEY"); err != nil || got != "secret" {
			t.Errorf("Secret gives %q, %v", got, err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
