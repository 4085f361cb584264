package kserve

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/17882237881/MaaS/shared/env"
)

func open(t *testing.T, vars map[string]string) error {
	t.Helper()
	e := env.New("deploy-version", vars, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	_, err := Open(e, nil)
	return err
}

func TestWithoutAClusterThereIsNoHost(t *testing.T) {
	t.Parallel()
	if err := open(t, nil); !errors.Is(err, ErrNoCluster) {
		t.Errorf("error is %v", err)
	}
}

func TestAWrongConfigurationIsToldAtTheStart(t *testing.T) {
	t.Parallel()
	noise := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(noise, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, vars := range map[string]map[string]string{
		"no such mode":        {"MAAS_DEPLOYMENT_MODE": "Serverless"},
		"no duration":         {"MAAS_DEPLOYMENT_START": "soon"},
		"no kubeconfig there": {"KUBECONFIG": noise + ".none"},
		"a broken kubeconfig": {"KUBECONFIG": noise},
	} {
		if err := open(t, vars); err == nil || errors.Is(err, ErrNoCluster) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}
