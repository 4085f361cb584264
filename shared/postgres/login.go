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

// EnsureLogin makes the role that login connects as, or gives it the password that is in login, unless it can connect as it is. Then it
// can. owner may make roles. Both are URLs.
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

func try(ctx context.Context, role *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, role)
	if err != nil {
		return fmt.Errorf("login as %s: %w", role.User, err)
	}
	return conn.Close(ctx)
}

// refused reports whether the server does not know the role, or its password is another (class 28, invalid authorization).
func refused(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && answer.Code[:2] == "28"
}

const loginLock = 7883945394301332334 // "migrate" of logins: two that alter one role at once would fail

// scram returns what the server keeps of a password (RFC 5803), so that the password itself comes into no log of statements.
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

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
