package identity

import (
	"context"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/postgres"
)

// account is what a name leads to; of an unknown one, a password that nobody knows and the zero user.
type account struct {
	id          uuid.UUID
	password    string
	throttle    throttle
	memberships []membership
}

// accountOf returns the throttle of sign-ins to the user.
func accountOf(user uuid.UUID) throttle { return throttleOf(accountThrottle, user.String()) }

const selectAccountSQL = `select id, password from auth_user($1)`

// selectAccount returns the user whose email or username is the name. For an unknown name it returns an account with a zero id, no memberships and
// a password that nobody knows.
func selectAccount(ctx context.Context, tx postgres.Tx, name string) (account, error) {
	found := account{password: nobody, throttle: throttleOf(accountThrottle, name)}
	err := tx.QueryRow(ctx, selectAccountSQL, name).Scan(&found.id, &found.password)
	if err == nil {
		found.throttle = accountOf(found.id)
	} else if !postgres.NotFound(err) {
		return account{}, err
	}
	found.memberships, err = memberships(ctx, tx, found.id)
	return found, err
}

const (
	insertSessionSQL = `insert into sessions (id, user_id, expires_at) values ($1, $2, now() + $3::interval)`
	insertRefreshSQL = `insert into refresh_tokens (hash, session, expires_at) values ($1, $2, now() + $3::interval)`
)

// insertSession stores the principal's session with its first refresh token.
func insertSession(ctx context.Context, tx postgres.Tx, who auth.Principal, token string) error {
	if _, err := tx.Exec(ctx, insertSessionSQL, who.Session, who.User, SessionLifetime); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, insertRefreshSQL, digest(token), who.Session, IdleLifetime)
	return err
}

// place is where a refresh token belongs.
type place struct{ session, tenant uuid.UUID }

const selectPlaceSQL = `select session, tenant_id from auth_refresh($1)`

// selectPlace returns the session and the tenant of a refresh token. It fails with Unauthenticated for an unknown token.
func selectPlace(ctx context.Context, tx postgres.Tx, token string) (at place, err error) {
	err = tx.QueryRow(ctx, selectPlaceSQL, digest(token)).Scan(&at.session, &at.tenant)
	if postgres.NotFound(err) {
		return at, fault.New(fault.Unauthenticated, "The refresh token is not valid; sign in again.")
	}
	return at, err
}

// token is a refresh token's state while its session is locked.
type token struct {
	user      uuid.UUID
	ended     bool // the session was
	over      bool // ended, or too old
	spent     bool
	recent    bool // spent within Grace
	successor []byte
}

const (
	lockSessionSQL   = `select user_id, ended_at is not null, expires_at < clock_timestamp() from sessions where id = $1 for update`
	selectRefreshSQL = `
		select expires_at < clock_timestamp(), spent_at is not null, coalesce(spent_at > clock_timestamp() - $2::interval, false), successor
		from refresh_tokens where hash = $1`
)

// lockToken locks the session until the transaction ends, and returns the state of its refresh token text. Operations on one session therefore run
// one after the other. It fails with Unauthenticated if the session or the token does not exist.
func lockToken(ctx context.Context, tx postgres.Tx, session uuid.UUID, text string) (token, error) {
	var t token
	var old, stale bool
	if err := tx.QueryRow(ctx, lockSessionSQL, session).Scan(&t.user, &t.ended, &old); err != nil {
		return t, absent(err)
	}
	err := tx.QueryRow(ctx, selectRefreshSQL, digest(text), Grace).Scan(&stale, &t.spent, &t.recent, &t.successor)
	t.over = t.ended || old || stale
	return t, absent(err)
}

// absent returns an Unauthenticated fault if err says that a row is missing. It returns any other error, and nil, as it is.
func absent(err error) error {
	if postgres.NotFound(err) {
		return signInAgain("The session has ended; sign in again.")
	}
	return err
}

const (
	spendSQL           = `update refresh_tokens set spent_at = clock_timestamp(), successor = $2 where hash = $1`
	insertSuccessorSQL = `
		insert into refresh_tokens (hash, session, expires_at)
		select $1, id, least(expires_at, now() + $3::interval) from sessions where id = $2`
)

// insertSuccessor marks a refresh token as used, and stores next as its successor. The successor expires with the session at the latest.
func insertSuccessor(ctx context.Context, tx postgres.Tx, who auth.Principal, token, next string) error {
	if _, err := tx.Exec(ctx, spendSQL, digest(token), digest(next)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, insertSuccessorSQL, digest(next), who.Session, IdleLifetime)
	return err
}

const endSessionSQL = `update sessions set ended_at = now() where id = $1`

// endSession marks a session as ended and revokes its tokens. An unknown or ended session is no error.
func endSession(ctx context.Context, tx postgres.Tx, session uuid.UUID) error {
	if _, err := tx.Exec(ctx, endSessionSQL, session); err != nil {
		return err
	}
	return revoke(ctx, tx, auth.RevokedSession, session.String())
}

const endOthersSQL = `select auth_end_sessions($1, $2, $3::interval)`

// endOtherSessions ends all sessions of the user but the kept one, and revokes their tokens.
func endOtherSessions(ctx context.Context, tx postgres.Tx, user, kept uuid.UUID) error {
	_, err := tx.Exec(ctx, endOthersSQL, user, kept, auth.RevocationLifetime)
	return err
}

const revokeSQL = `select auth_revoke($1, $2, $3::interval)`

// revoke invalidates what was issued to a session, user, tenant or key before now. id is its id.
func revoke(ctx context.Context, tx postgres.Tx, kind auth.Revoked, id string) error {
	_, err := tx.Exec(ctx, revokeSQL, string(kind), id, auth.RevocationLifetime)
	return err
}

const trimSQL = `select identity_trim($1)`

// trimIdentity deletes expired sessions and old revocations and throttles of all tenants, up to most rows of each kind. It returns how many it
// deleted.
func trimIdentity(ctx context.Context, tx postgres.Tx, most int) (deleted int64, err error) {
	err = tx.QueryRow(ctx, trimSQL, most).Scan(&deleted)
	return deleted, err
}
