package sessions

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

func signIn(t *testing.T, s *tokenServer, folder string) *Client {
	t.Helper()
	c := open(t, s.URL, folder)
	if _, err := c.SignIn(t.Context(), "ana@example.com", "correct horse", ""); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestASessionOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	s, folder := newTokenServer(t), t.TempDir()
	signIn(t, s, folder)
	if err := me(t, open(t, s.URL, folder)); err != nil {
		t.Fatal(err)
	}
	if s.traded() != 0 {
		t.Errorf("%d refreshes, want none", s.traded())
	}
}

func TestTheSessionIsReadableByItsOwnerAlone(t *testing.T) {
	t.Parallel()
	s, folder := newTokenServer(t), filepath.Join(t.TempDir(), "maas")
	signIn(t, s, folder)
	for name, want := range map[string]os.FileMode{".": os.ModeDir | 0o700, "credentials.json": 0o600} {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, want %v (%v)", name, info.Mode(), want, err)
		}
	}
}

func TestARefusedTokenIsRefreshedOnce(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	c := signIn(t, s, t.TempDir())
	s.revoke()
	if err := me(t, c); err != nil {
		t.Fatal(err)
	}
	if s.traded() != 1 {
		t.Errorf("%d refreshes, want 1", s.traded())
	}
}

func TestATokenIsRefreshedBeforeItExpires(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	s.lives = early / 2
	c := signIn(t, s, t.TempDir())
	s.lives = time.Hour
	for range 3 {
		if err := me(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if s.traded() != 1 {
		t.Errorf("%d refreshes, want 1", s.traded())
	}
}

func TestManyProcessesSpendARefreshTokenOnce(t *testing.T) {
	t.Parallel()
	s, folder := newTokenServer(t), t.TempDir()
	signIn(t, s, folder)
	s.revoke()
	var group errgroup.Group
	for range 8 {
		c := open(t, s.URL, folder) // each has its own memory, as another process has
		for range 4 {
			group.Go(func() error { return me(t, c) })
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if s.traded() != 1 {
		t.Errorf("%d refreshes, want 1", s.traded())
	}
}

func TestAnEndedSessionAsksToSignIn(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	c := signIn(t, s, t.TempDir())
	s.revoke()
	s.mu.Lock()
	s.refresh = "another"
	s.mu.Unlock()
	faulttest.AssertKind(t, me(t, c), fault.Unauthenticated)
}

func TestWithoutASessionNothingIsSent(t *testing.T) {
	t.Parallel()
	faulttest.AssertKind(t, me(t, open(t, "http://127.0.0.1:1", t.TempDir())), fault.Unauthenticated)
}

func TestSigningOutForgetsTheSession(t *testing.T) {
	t.Parallel()
	s, folder := newTokenServer(t), t.TempDir()
	c := signIn(t, s, folder)
	if err := c.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	faulttest.AssertKind(t, me(t, open(t, s.URL, folder)), fault.Unauthenticated)
	faulttest.AssertKind(t, c.SignOut(t.Context()), fault.Unauthenticated)
}

func TestATokenOfTheEnvironmentIsNotRefreshed(t *testing.T) {
	t.Parallel()
	s := newTokenServer(t)
	c, err := New(Options{Server: s.URL, Token: "given"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	faulttest.AssertKind(t, me(t, c), fault.Unauthenticated)
	if s.traded() != 0 {
		t.Error("it was refreshed")
	}
}

func TestADamagedSessionSaysWhatToDo(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "credentials.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := me(t, open(t, "http://127.0.0.1:1", folder)); err == nil || fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

func TestTheFolderIsFoundByTheEnvironment(t *testing.T) {
	t.Parallel()
	for want, vars := range map[string]map[string]string{
		"/a":              {"MAAS_CONFIG_DIR": "/a", "XDG_CONFIG_HOME": "/b", "HOME": "/c"},
		"/b/maas":         {"XDG_CONFIG_HOME": "/b", "HOME": "/c"},
		"/c/.config/maas": {"HOME": "/c"},
	} {
		s, err := OpenStore(func(name string) string { return vars[name] })
		if err != nil || s.Folder() != want {
			t.Errorf("%v: %v, %v", vars, s, err)
		}
	}
	if _, err := OpenStore(func(string) string { return "" }); err == nil {
		t.Error("there is a folder without HOME")
	}
}
