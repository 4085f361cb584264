package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// user is someone at a terminal, with a HOME of their own.
type user struct {
	*testing.T

	tenant string
	email  string
	more   []string // variables of the shell
	home   string
}

const password = "correct horse battery staple"

// register makes an account, with a tenant that nobody else has, at a server.
func register(t *testing.T, server string) *user {
	t.Helper()
	tenant := "t" + strings.ToLower(rand.Text()[:12])
	u := &user{T: t, tenant: tenant, email: "ana@" + tenant + ".example.com", more: []string{"MAAS_SERVER=" + server}, home: t.TempDir()}
	u.typed(password, "register", "--email", u.email, "--tenant", tenant, "--password-stdin").ok()
	return u
}

// said is what a command wrote and how it ended.
type said struct {
	*user

	command        string
	stdout, stderr string
	status         int
}

// maas runs the command.
func (u *user) maas(arguments ...string) said {
	u.Helper()
	return u.typed("", arguments...)
}

const commandTakes = 90 * time.Second

// typed runs the command with something on its stdin.
func (u *user) typed(stdin string, arguments ...string) said {
	u.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTakes)
	defer cancel()
	cmd := u.command(ctx, arguments...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	status := exitStatus(u.T, cmd.Run())
	return said{u, "maas " + strings.Join(arguments, " "), stdout.String(), stderr.String(), status}
}

// start runs the command without waiting for it.
func (u *user) start(arguments ...string) *exec.Cmd {
	u.Helper()
	cmd := u.command(u.Context(), arguments...)
	must(u.T, cmd.Start())
	return cmd
}

func (u *user) command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(the.programs, "maas"), arguments...)
	cmd.Env = append(append(machine(), "HOME="+u.home, "XDG_CONFIG_HOME="), u.more...)
	return cmd
}

// ok fails the test unless the command did what it should.
func (s said) ok() said {
	s.Helper()
	return s.ends(0)
}

// ends fails the test unless the command ended with the status, and has said each of the texts.
func (s said) ends(status int, texts ...string) said {
	s.Helper()
	if s.status != status {
		s.Fatalf("%s: exit status %d, want %d\n%s%s", s.command, s.status, status, s.stdout, s.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(s.stdout+s.stderr, text) {
			s.Errorf("%s does not say %q:\n%s%s", s.command, text, s.stdout, s.stderr)
		}
	}
	return s
}

// of names something of the user's tenant.
func (u *user) of(name string) string { return u.tenant + "/" + name }

// read gives JSON that a command wrote.
func (s said) read(out any) {
	s.Helper()
	must(s.T, json.Unmarshal([]byte(s.stdout), out))
}

// data gives the path of a file of testdata.
func data(name string) string { return filepath.Join("testdata", name) }

func content(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(data(name))
	must(t, err)
	return text
}
