package objects_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/mounttest"
	"github.com/17882237881/MaaS/shared/objects"
	"github.com/17882237881/MaaS/shared/objectstest"
	"github.com/17882237881/MaaS/shared/podidentitytest"
)

func TestAWrongConfigurationNamesTheVariable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		named string
		vars  map[string]string
	}{
		{"S3_ENDPOINT", map[string]string{}},
		{"S3_ENDPOINT", map[string]string{"S3_ENDPOINT": "localhost:9000"}},
		{"S3_PUBLIC_ENDPOINT", map[string]string{"S3_ENDPOINT": "http://localhost:9000", "S3_PUBLIC_ENDPOINT": "ftp://localhost"}},
		{"S3_PROFILE", map[string]string{"S3_ENDPOINT": "http://localhost:9000", "S3_PROFILE": "tape"}},
	} {
		_, err := objects.Open(t.Context(), env.New("test", c.vars, slog.New(slog.DiscardHandler)))
		if err == nil || !strings.Contains(err.Error(), c.named) {
			t.Errorf("%v: %v", c.vars, err)
		}
	}
}

func TestAProcessHasOneStore(t *testing.T) {
	t.Parallel()
	e := env.New("test", map[string]string{"S3_ENDPOINT": "http://localhost:9000"}, slog.New(slog.DiscardHandler))
	first, err := objects.Open(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := objects.Open(t.Context(), e.For("another")); err != nil || first != second {
		t.Errorf("opened again: %v", err)
	}
}

func TestCredentialsThatRotateInTheirFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	vars := objectstest.Environment(t)
	const id, secret = "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"
	right := map[string]string{id: vars[id], secret: vars[secret]}
	mount := mounttest.New(t, right)
	for name := range right {
		delete(vars, name)
		vars[name+"_FILE"] = mount.Path(name)
	}
	store := objectstest.Open(t, vars)

	for _, c := range []struct {
		mounted map[string]string
		want    fault.Kind
	}{
		{right, ""},
		{map[string]string{id: right[id], secret: "retired"}, fault.Unavailable},
		{map[string]string{id: "retired", secret: right[secret]}, fault.Unavailable},
		{map[string]string{id: right[id], secret: ""}, fault.Unavailable},
		{right, ""},
	} {
		mount.Replace(c.mounted)
		if err := store.Ready(t.Context()); err != nil || c.want != "" {
			faulttest.AssertKind(t, err, c.want)
		}
	}
}

func TestWithoutKeysTheProcessesRoleIsUsed(t *testing.T) {
	t.Parallel()
	vars := objectstest.Environment(t)
	agent := podidentitytest.New(t)
	agent.ID, agent.Secret, agent.Session = vars["S3_ACCESS_KEY_ID"], vars["S3_SECRET_ACCESS_KEY"], ""
	for _, name := range []string{"S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"} {
		delete(vars, name)
		vars[name+"_FILE"] = filepath.Join(t.TempDir(), "absent") // as a Secret that need not be there is mounted
	}

	if err := objectstest.Open(t, agent.Variables(vars)).Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestKeysGoBeforeTheProcessesRole(t *testing.T) {
	t.Parallel()
	agent := podidentitytest.New(t)

	if err := objectstest.Open(t, agent.Variables(objectstest.Environment(t))).Ready(t.Context()); err != nil || agent.Asked.Load() != 0 {
		t.Errorf("the role was asked for %d times: %v", agent.Asked.Load(), err)
	}
}

func TestProfilesSayWhatAStoreDemands(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]objects.Profile{
		"s3":       {MinPart: 5 << 20, MaxPart: 5 << 30, MaxParts: 10_000},
		"r2":       {MinPart: 5 << 20, MaxPart: 5 << 30, MaxParts: 10_000, EqualParts: true},
		"scaleway": {MinPart: 5 << 20, MaxPart: 5 << 30, MaxParts: 1_000},
	} {
		store := objectstest.Open(t, map[string]string{"S3_ENDPOINT": "http://localhost:9000", "S3_PROFILE": name})
		if got := store.Profile(); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}
