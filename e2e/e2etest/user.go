package e2etest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/openinferencetest"
)

// User is someone at a terminal, with a HOME of their own.
type User struct {
	testing.TB

	Tenant string
	Email  string
	Server string

	// Patience is how long a command may take.
	Patience time.Duration

	more []string // variables of the shell
	home string
}

// Password is that of each user.
const Password = "correct horse battery staple"

// Stranger returns a user without an account at the server, who may make one: nobody else has the tenant.
func Stranger(t testing.TB, server string) *User {
	t.Helper()
	tenant := "t" + strings.ToLower(rand.Text()[:12])
	return &User{
		TB: t, Tenant: tenant, Email: "ana@" + tenant + ".example.com", Server: server, Patience: 90 * time.Second, home: t.TempDir(),
	}
}

// Register makes an account at a server.
func Register(t testing.TB, server string) *User {
	t.Helper()
	u := Stranger(t, server)
	u.Typed(Password, "register", "--email", u.Email, "--tenant", u.Tenant, "--password-stdin").OK()
	return u
}

// Operator returns a user who looks after an installation, with the variables that its functions have.
func Operator(t testing.TB, vars map[string]string) *User {
	t.Helper()
	u := Stranger(t, "")
	for name, value := range vars {
		u.more = append(u.more, name+"="+value)
	}
	return u
}

// Said is what a command wrote and how it ended.
type Said struct {
	*User

	Command        string
	Stdout, Stderr string
	Status         int
}

// Maas runs the command.
func (u *User) Maas(arguments ...string) Said {
	u.Helper()
	return u.Typed("", arguments...)
}

// Typed runs the command with something on its stdin.
func (u *User) Typed(stdin string, arguments ...string) Said {
	u.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), u.Patience)
	defer cancel()
	cmd := u.command(ctx, arguments...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	status := exitStatus(u.TB, cmd.Run())
	return Said{u, "maas " + strings.Join(arguments, " "), stdout.String(), stderr.String(), status}
}

// Begin runs the command and does not wait for it.
func (u *User) Begin(arguments ...string) *exec.Cmd {
	u.Helper()
	cmd := u.command(u.Context(), arguments...)
	Must(u.TB, cmd.Start())
	return cmd
}

// Meanwhile runs the command, and returns how it ended when it has.
func (u *User) Meanwhile(arguments ...string) <-chan Said {
	ended := make(chan Said, 1)
	go func() { ended <- u.Maas(arguments...) }() // it has a deadline
	return ended
}

func (u *User) command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program("maas"), arguments...)
	cmd.Env = append(append(Machine(), "HOME="+u.home, "XDG_CONFIG_HOME=", "MAAS_SERVER="+u.Server), u.more...)
	return cmd
}

// OK fails the test unless the command did what it should.
func (s Said) OK() Said {
	s.Helper()
	return s.Ends(0)
}

// Ends fails the test unless the command ended with the status, and has said each of the texts.
func (s Said) Ends(status int, texts ...string) Said {
	s.Helper()
	if s.Status != status {
		s.Fatalf("%s: exit status %d, want %d\n%s%s", s.Command, s.Status, status, s.Stdout, s.Stderr)
	}
	for _, text := range texts {
		if !strings.Contains(s.Stdout+s.Stderr, text) {
			s.Errorf("%s does not say %q:\n%s%s", s.Command, text, s.Stdout, s.Stderr)
		}
	}
	return s
}

// Read gives JSON that a command wrote.
func (s Said) Read(out any) {
	s.Helper()
	Must(s.TB, json.Unmarshal([]byte(s.Stdout), out))
}

// Of names something of the user's tenant.
func (u *User) Of(name string) string { return u.Tenant + "/" + name }

// Infers calls a model with the request of testdata and compares with the answer there.
func (u *User) Infers(which, name string) {
	u.Helper()
	answer := u.Maas("infer", which, "-f", Data(name+"-request.json")).OK()
	openinferencetest.AssertClose(u.TB, []byte(answer.Stdout), Content(u.TB, name+"-expected.json"))
}

// Serve has a model served whose first version is digits.onnx.
func (u *User) Serve(name string) {
	u.Helper()
	u.Maas("push", u.Of(name)+"@1.0.0", Data("digits.onnx")).Ends(0, "verified")
	u.Maas("publish", u.Of(name)+"@1.0.0").Ends(0, "latest")
	u.Infers(u.Of(name), "digits")
}

// Key makes an API key with scopes.
func (u *User) Key(scopes ...string) string {
	u.Helper()
	arguments := []string{"keys", "create", "test", "--output", "json"}
	for _, scope := range scopes {
		arguments = append(arguments, "--scope", scope)
	}
	var key struct{ Secret string }
	u.Maas(arguments...).OK().Read(&key)
	return key.Secret
}

// With returns the user at another terminal, who has an API key of the scopes alone.
func (u *User) With(scopes ...string) *User {
	u.Helper()
	return u.Holding(u.Key(scopes...))
}

// Through returns the user at a terminal that reaches the server at another address.
func (u *User) Through(server string) *User {
	u.Helper()
	other := *u
	other.Server, other.more = server, []string{"MAAS_TOKEN=" + u.Site().Token} // sessions are kept by the server's address
	return &other
}

// Home returns the path of something in the user's HOME.
func (u *User) Home(parts ...string) string {
	return filepath.Join(append([]string{u.home}, parts...)...)
}

// Holding returns the user at another terminal, who has the API key alone.
func (u *User) Holding(key string) *User {
	u.Helper()
	other := *u
	other.home, other.more = u.TempDir(), []string{"MAAS_API_KEY=" + key}
	return &other
}
