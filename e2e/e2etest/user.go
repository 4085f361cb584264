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

// Stranger returns a user who is not registered at the server, with a tenant's name and an email that nobody else has.
func Stranger(t testing.TB, server string) *User {
	t.Helper()
	tenant := "t" + strings.ToLower(rand.Text()[:12])
	return &User{
		TB: t, Tenant: tenant, Email: "ana@" + tenant + ".example.com", Server: server, Patience: 90 * time.Second, home: t.TempDir(),
	}
}

// Register returns a new user and registers them at the server.
func Register(t testing.TB, server string) *User {
	t.Helper()
	u := Stranger(t, server)
	u.Typed(Password, "register", "--email", u.Email, "--tenant", u.Tenant, "--password-stdin").OK()
	return u
}

// Operator returns a user who operates an installation, with the variables of its functions in the environment.
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

// Maas runs the command maas with the arguments, and returns what it wrote. It may take as long as the user's Patience.
func (u *User) Maas(arguments ...string) Said {
	u.Helper()
	return u.Typed("", arguments...)
}

// Typed is Maas with the text as its stdin.
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

// Begin starts the command and does not wait for its end. It is killed when the test ends.
func (u *User) Begin(arguments ...string) *exec.Cmd {
	u.Helper()
	cmd := u.command(u.Context(), arguments...)
	Must(u.TB, cmd.Start())
	return cmd
}

// Meanwhile runs the command in the background. The channel gets what it wrote, once it has ended.
func (u *User) Meanwhile(arguments ...string) <-chan Said {
	ended := make(chan Said, 1)
	go func() { ended <- u.Maas(arguments...) }() // it has a deadline
	return ended
}

// command returns the command maas with the arguments and the user's environment, not started.
func (u *User) command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program("maas"), arguments...)
	cmd.Env = append(append(Machine(), "HOME="+u.home, "XDG_CONFIG_HOME=", "MAAS_SERVER="+u.Server), u.more...)
	return cmd
}

// OK ends the test unless the command's exit status is 0, and returns s.
func (s Said) OK() Said {
	s.Helper()
	return s.Ends(0)
}

// Ends ends the test unless the command has the exit status, and fails it unless the command wrote each of the texts. It returns s.
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

// Read decodes the JSON that the command wrote to stdout into out.
func (s Said) Read(out any) {
	s.Helper()
	Must(s.TB, json.Unmarshal([]byte(s.Stdout), out))
}

// Of returns the name of a model, say, of the user's tenant: <tenant>/<name>.
func (u *User) Of(name string) string { return u.Tenant + "/" + name }

// Infers calls the model which with the request <name>-request.json of testdata, and fails the test unless the answer is close to
// <name>-expected.json.
func (u *User) Infers(which, name string) {
	u.Helper()
	answer := u.Maas("infer", which, "-f", Data(name+"-request.json")).OK()
	openinferencetest.AssertClose(u.TB, []byte(answer.Stdout), Content(u.TB, name+"-expected.json"))
}

// Serve pushes and publishes digits.onnx as version 1.0.0 of the model with the name, and checks that it answers.
func (u *User) Serve(name string) {
	u.Helper()
	u.Maas("push", u.Of(name)+"@1.0.0", Data("digits.onnx")).Ends(0, "verified")
	u.Maas("publish", u.Of(name)+"@1.0.0").Ends(0, "latest")
	u.Infers(u.Of(name), "digits")
}

// Key creates an API key with the scopes, and returns the whole credential.
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

// With returns the user at another terminal, with nothing but a new API key of the scopes.
func (u *User) With(scopes ...string) *User {
	u.Helper()
	return u.Holding(u.Key(scopes...))
}

// Through returns the user at a terminal that reaches the server at another address, signed in.
func (u *User) Through(server string) *User {
	u.Helper()
	other := *u
	other.Server, other.more = server, []string{"MAAS_TOKEN=" + u.Site().Token} // sessions are kept by the server's address
	return &other
}

// Home returns the path of a file in the user's home folder.
func (u *User) Home(parts ...string) string {
	return filepath.Join(append([]string{u.home}, parts...)...)
}

// Holding returns the user at another terminal, with nothing but the API key.
func (u *User) Holding(key string) *User {
	u.Helper()
	other := *u
	other.home, other.more = u.TempDir(), []string{"MAAS_API_KEY=" + key}
	return &other
}
