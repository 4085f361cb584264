package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// setPassword creates the role, or alters it if it exists, as one that may connect with the password of the verifier. Until the transaction ends,
// other calls wait.
func setPassword(ctx context.Context, tx pgx.Tx, role, verifier string) error {
	if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", int64(loginLock)); err != nil {
		return err
	}
	var there bool
	if err := tx.QueryRow(ctx, "select exists (select from pg_roles where rolname = $1)", role).Scan(&there); err != nil {
		return err
	}
	do := "create"
	if there {
		do = "alter"
	}
	_, err := tx.Exec(ctx, do+" role "+pgx.Identifier{role}.Sanitize()+" login password '"+verifier+"'") // which has no quote
	return err
}
