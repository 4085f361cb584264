package identity

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/audit"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/env"
	"github.com/17882237881/MaaS/shared/postgres"
)

// Grace is how long a spent refresh token still gives its successor: the answer that carried it may have been lost.
const Grace = 10 * time.Second

// successors derives the token that follows another. It need not be stored to be given again, and who holds a token but not the
// installation's key cannot tell the next.
type successors struct{ key []byte }

// openSuccessors returns successors with a key derived from MAAS_SERVICE_KEY. It fails if that is unset or malformed.
func openSuccessors(e *env.Env) (successors, error) {
	key, err := e.ServiceKey("refresh tokens")
	return successors{key}, err
}

// of returns the refresh token that follows the given one. It is the same each time.
func (s successors) of(token string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(token))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// digest returns the SHA-256 of a refresh token, which is stored instead of the token. It needs no key, since the token has more than 256 random
// bits.
func digest(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// Refresh spends a refresh token for its successor and a new access token (RFC 9700, 4.14.2). A token that was spent within Grace gives the same successor
// again; one that was spent earlier is in two hands, and ends its session. It fails with Unauthenticated for what is no good token (any more).
func (s *Sessions) Refresh(ctx context.Context, who auth.Principal, in api.RefreshRequest) (api.Tokens, error) {
	at, err := s.locate(ctx, in.RefreshToken)
	if err != nil {
		return api.Tokens{}, err
	}
	next := s.next.of(in.RefreshToken)
	var refused error
	err = s.db.Tx(ctx, at.tenant, func(tx postgres.Tx) error {
		token, err := lockToken(ctx, tx, at.session, in.RefreshToken)
		if err != nil {
			return err
		}
		who = auth.Principal{Tenant: at.tenant, User: token.user, Session: at.session, Address: who.Address, RequestID: who.RequestID}
		if refused = token.judge(next); refused != nil {
			return s.punish(ctx, tx, who, token)
		}
		list, err := memberships(ctx, tx, token.user)
		if err != nil {
			return err
		}
		member, err := stay(list, at.tenant, in.Tenant)
		if err != nil {
			return err
		}
		who = member.principal(who, token.user, at.session)
		if token.spent {
			return nil
		}
		return spend(ctx, tx, who, in.RefreshToken, next)
	})
	if err != nil {
		return api.Tokens{}, err
	}
	if refused != nil {
		return api.Tokens{}, refused
	}
	return s.tokens(who, next)
}

// judge returns the Unauthenticated fault of a token that is not valid, and nil if it is valid. A token that was used within Grace is valid if next
// is the successor that it got then.
func (t token) judge(next string) error {
	switch {
	case t.over:
		return signInAgain("The session has ended; sign in again.")
	case t.spent && !t.recent:
		return signInAgain("The refresh token was used before, so that the session was ended; sign in again.")
	case t.spent && !bytes.Equal(t.successor, digest(next)):
		return signInAgain("The refresh token was used before; sign in again.") // the installation's key has changed since
	default:
		return nil
	}
}

// punish ends the session of a token that was used twice, and records the refusal in the audit log. If the session has ended, or the token was used
// within Grace, it does nothing. The transaction must commit although the caller gets an error.
func (s *Sessions) punish(ctx context.Context, tx postgres.Tx, who auth.Principal, t token) error {
	if t.over || t.recent {
		return nil
	}
	if err := endSession(ctx, tx, who.Session); err != nil {
		return err
	}
	return audit.RecordRefused(ctx, tx, who, sessionRenewed, "session:"+who.Session.String())
}

// spend marks a refresh token as used, stores next as the token that follows it, and records the renewal in the audit log.
func spend(ctx context.Context, tx postgres.Tx, who auth.Principal, token, next string) error {
	if err := insertSuccessor(ctx, tx, who, token, next); err != nil {
		return err
	}
	return audit.Record(ctx, tx, who, sessionRenewed, "session:"+who.Session.String())
}

// stay returns the membership of the wanted tenant, or of the session's own tenant if wanted is nil. It fails with NotFound if the user is no
// member of the wanted tenant, and with Unauthenticated if no longer one of the session's own.
func stay(list []membership, own uuid.UUID, wanted *ref.Tenant) (membership, error) {
	if wanted != nil {
		return choose(list, wanted)
	}
	for _, m := range list {
		if m.tenant == own {
			return m, nil
		}
	}
	return membership{}, signInAgain("You are no member of the session's tenant any more; sign in again.")
}

// signInAgain returns an Unauthenticated fault with the message.
func signInAgain(message string) error { return fault.New(fault.Unauthenticated, message) }

// Logout ends the session: no token of its family is valid any more, and its access tokens stop within seconds. A token that is
// unknown has nothing to end (RFC 7009, 2.2).
func (s *Sessions) Logout(ctx context.Context, who auth.Principal, in api.LogoutRequest) (struct{}, error) {
	at, err := s.locate(ctx, in.RefreshToken)
	if fault.Is(err, fault.Unauthenticated) {
		return struct{}{}, nil
	}
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, s.db.Tx(ctx, at.tenant, func(tx postgres.Tx) error {
		token, err := lockToken(ctx, tx, at.session, in.RefreshToken)
		if err != nil || token.ended {
			return err
		}
		if err := endSession(ctx, tx, at.session); err != nil {
			return err
		}
		who = auth.Principal{Tenant: at.tenant, User: token.user, Session: at.session, Address: who.Address, RequestID: who.RequestID}
		return audit.Record(ctx, tx, who, sessionEnded, "session:"+at.session.String())
	})
}

// locate returns the session and the tenant of a refresh token. It fails with Unauthenticated for an unknown token.
func (s *Sessions) locate(ctx context.Context, token string) (at place, err error) {
	err = s.db.Definer(ctx, func(tx postgres.Tx) error {
		at, err = selectPlace(ctx, tx, token)
		return err
	})
	return at, err
}
