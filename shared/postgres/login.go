package postgres

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// EnsureLogin makes sure that the role of the URL login can connect with the URL's password: if it cannot, it creates the role or sets its
// password. owner is the URL of a role that may create roles. It fails if the server is away, or if the role cannot connect even then.
func EnsureLogin(ctx context.Context, owner, login string) error {
	role, err := pgx.ParseConfig(login)
	if err != nil {
		return fmt.Errorf("login: %w", err)
	}
	if err := try(ctx, role); !refused(err) {
		return err
	}
	verifier, err := scram(role.Password)
	if err != nil {
		return fmt.Errorf("login: %w", err)
	}
	conn, err := pgx.Connect(ctx, owner)
	if err != nil {
		return fmt.Errorf("login: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return setPassword(ctx, tx, role.User, verifier) }); err != nil {
		return fmt.Errorf("login: make %s, or give it its password: %w", role.User, err)
	}
	return try(ctx, role)
}

// try connects as the role and closes the connection again.
func try(ctx context.Context, role *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, role)
	if err != nil {
		return fmt.Errorf("login as %s: %w", role.User, err)
	}
	return conn.Close(ctx)
}

// refused reports whether the server refused a connection, because the role does not exist or the password is wrong (class 28, invalid
// authorization).
func refused(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && answer.Code[:2] == "28"
}

const loginLock = 7883945394301332334 // "migrate" of logins: two that alter one role at once would fail

// scram returns the SCRAM-SHA-256 verifier of a password (RFC 5803), which the server stores instead of it: so the password is in no log of
// statements. It fails for characters other than printable ASCII.
func scram(password string) (string, error) {
	const iterations = 4096 // PostgreSQL's own
	for _, c := range password {
		if c < ' ' || c > '~' {
			return "", errors.New("a password that is to be set is of ASCII") // others would have to be prepared (RFC 4013)
		}
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // it never fails
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	stored := sha256.Sum256(sign(salted, "Client Key"))
	text := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, text(salt), text(stored[:]), text(sign(salted, "Server Key"))), nil
}

// sign returns the HMAC-SHA-256 of the text.
func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
