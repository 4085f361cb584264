package stores

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/17882237881/MaaS/cmd/maas/child"
)

// initialise creates the data folder: it runs initdb in a temporary folder and renames that, so that the data folder is never half made. It
// removes the temporary folders of interrupted runs.
func (c *cluster) initialise(ctx context.Context) error {
	home := filepath.Dir(c.data)
	cut, _ := filepath.Glob(filepath.Join(home, "initdb-*")) // what is missed takes space, no more
	for _, folder := range cut {
		_ = os.RemoveAll(folder)
	}
	fresh, err := os.MkdirTemp(home, "initdb-")
	if err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	if err := c.account.own(fresh); err != nil {
		return err
	}
	if err := c.initdb(ctx, fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, c.data); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	return nil
}

// initdb runs the program initdb on an empty folder and waits for it. Its output is part of the error. If ctx ends first, it stops the program
// and returns ctx's error.
func (c *cluster) initdb(ctx context.Context, folder string) error {
	arguments := []string{
		"--pgdata", folder, "--username", owner, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-instructions",
	}
	if c.fast {
		arguments = append(arguments, "--no-sync")
	}
	var output bytes.Buffer
	process, err := child.Start(ctx, child.Spec{
		Name: "initdb",
		Log:  c.log,
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(c.programs.path("initdb"), arguments...)
			cmd.Stdout, cmd.Stderr = &output, &output
			cmd.SysProcAttr = c.account.attributes()
			cmd.Dir = "/"
			return cmd, nil
		},
	})
	if err != nil {
		return err
	}
	select {
	case <-process.Done():
	case <-ctx.Done():
		process.Stop(ctx)
		return ctx.Err()
	}
	if process.Err() != nil {
		return fmt.Errorf("initdb: %w: %s", process.Err(), strings.TrimSpace(output.String()))
	}
	return nil
}

// makeDatabase creates the database and the functions' role if they are missing, and sets the passwords for TCP. The server must be running.
func (c *cluster) makeDatabase(ctx context.Context) error {
	const (
		findRole     = "select count(*) from pg_roles where rolname = $1"
		makeRole     = "create role " + AppRole + " login nosuperuser nocreatedb nocreaterole"
		findDatabase = "select count(*) from pg_database where datname = $1"
		makeDatabase = "create database " + database
	)
	conn, err := pgx.Connect(ctx, c.url(owner, "postgres"))
	if err != nil {
		return fmt.Errorf("connect to postgres: %w", err)
	}
	return errors.Join(
		ensure(ctx, conn, findRole, AppRole, makeRole),
		ensure(ctx, conn, findDatabase, database, makeDatabase),
		c.setPasswords(ctx, conn),
		conn.Close(ctx))
}

// setPasswords sets the passwords by which the two roles connect over TCP. It does nothing without a public address.
func (c *cluster) setPasswords(ctx context.Context, conn *pgx.Conn) error {
	if c.public == nil {
		return nil
	}
	for role, password := range map[string]string{owner: c.public.passwords.Owner, AppRole: c.public.passwords.App} {
		quoted := "'" + strings.ReplaceAll(password, "'", "''") + "'" // the statement takes no parameters
		if _, err := conn.Exec(ctx, "alter role "+role+" password "+quoted); err != nil {
			return fmt.Errorf("set the password of %s: %w", role, err)
		}
	}
	return nil
}

// ensure executes the statement create unless the query find, with name as its parameter, counts one or more.
func ensure(ctx context.Context, conn *pgx.Conn, find, name, create string) error {
	var found int
	if err := conn.QueryRow(ctx, find, name).Scan(&found); err != nil {
		return fmt.Errorf("look for %s: %w", name, err)
	}
	if found > 0 {
		return nil
	}
	if _, err := conn.Exec(ctx, create); err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	return nil
}
