package commands

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/17882237881/MaaS/api/fault"
)

// passwords asks for a password: on the terminal without echo, or with --password-stdin on the first line of stdin.
type passwords struct {
	stdin  bool
	in     io.Reader
	prompt io.Writer
}

// maxLine bounds what is read of stdin for one line.
const maxLine = 64 << 10

// flag adds the flag --password-stdin to cmd.
func (p *passwords) flag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from stdin")
}

// prepare remembers cmd's stdin and stderr for the questions. It is called when cmd runs: they are not known before.
func (p *passwords) prepare(cmd *cobra.Command) { p.in, p.prompt = cmd.InOrStdin(), cmd.ErrOrStderr() }

// ask reads a password once: from the terminal without echo, or from the first line of stdin with --password-stdin. Without a terminal, or for
// an empty first line, it returns a usage error.
func (p *passwords) ask(ctx context.Context) (string, error) {
	if p.stdin {
		return line(p.in)
	}
	return p.typed(ctx, "Password: ")
}

// askTwice reads a new password as ask does, but twice from a terminal. It fails with Invalid if the two differ.
func (p *passwords) askTwice(ctx context.Context) (string, error) {
	if p.stdin {
		return line(p.in)
	}
	first, err := p.typed(ctx, "Password (12 characters or more): ")
	if err != nil {
		return "", err
	}
	second, err := p.typed(ctx, "Again: ")
	if err == nil && first != second {
		err = fault.New(fault.Invalid, "The two passwords differ.", fault.Field("password"))
	}
	return first, err
}

// line returns the first line of in without its end, of which it reads maxLine bytes at most. An empty line is a usage error.
func line(in io.Reader) (string, error) {
	text, err := bufio.NewReader(io.LimitReader(in, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" {
		return "", misuse(fault.New(fault.Invalid, "There is no password on stdin.", fault.Field("password")))
	}
	return text, nil
}

// typed prints the prompt and reads a line from the terminal without echo. Without a terminal it returns a usage error. If ctx ends first, it
// turns the echo on again and returns ctx's error.
func (p *passwords) typed(ctx context.Context, prompt string) (string, error) {
	file, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return "", misuse(fault.New(fault.Invalid, "There is no terminal to ask for the password on: give it on stdin with --password-stdin."))
	}
	before, err := term.GetState(int(file.Fd()))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	fmt.Fprint(p.prompt, prompt)
	defer fmt.Fprintln(p.prompt)
	type answer struct {
		text []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() { // ends with the line, or with the process
		text, err := term.ReadPassword(int(file.Fd()))
		done <- answer{text, err}
	}()
	select {
	case got := <-done:
		return string(got.text), got.err
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(int(file.Fd()), before))
	}
}
