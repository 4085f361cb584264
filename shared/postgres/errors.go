package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/17882237881/MaaS/api/fault"
)

// SQLSTATEs, from PostgreSQL's documentation, appendix A.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	queryCanceled        = "57014"
	lockNotAvailable     = "55P03"
	notInRepertoire      = "22021" // a NUL or what is no UTF-8, in text
	untranslatable       = "22P05" // the same, as an escape within JSON
)

// Violates reports whether err is a violation of the constraint or unique index of that name.
func Violates(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.ConstraintName == constraint
}

// NotFound reports whether err says that a query returned no row.
func NotFound(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// serialization reports whether the server ended a transaction because of another one, so that it can be repeated.
func serialization(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == serializationFailure || pg.Code == deadlockDetected)
}

// classify returns an Unavailable fault if err says that the database is away, too busy or full, and an Invalid fault if it says that Postgres cannot
// store a text. It returns other errors, faults and nil as they are.
//
// Once the caller's ctx has ended, a lost connection does not count: that may be why it was lost. While ctx goes on, a deadline that passed counts as
// the database being away, because it was not the caller's.
func classify(ctx context.Context, err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		return classifyState(pg, err)
	case ctx.Err() != nil:
		return err
	case connectionLost(err), errors.Is(err, context.DeadlineExceeded):
		return unavailable("The database is away; try again.", err)
	default:
		return err
	}
}

// classifyState is classify for an error that the server sent.
func classifyState(pg *pgconn.PgError, err error) error {
	switch {
	case pg.Code == queryCanceled, pg.Code == lockNotAvailable, serialization(err):
		return unavailable("The database is too busy; try again.", err)
	case strings.HasPrefix(pg.Code, "53"): // insufficient resources: disk full, out of memory, too many connections
		return unavailable("The database has no room; try again.", err)
	case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "57P"), strings.HasPrefix(pg.Code, "58"),
		strings.HasPrefix(pg.Code, "25P03"), strings.HasPrefix(pg.Code, "28"), pg.Code == "25006": // a standby is read-only
		return unavailable("The database is away; try again.", err)
	case pg.Code == notInRepertoire, pg.Code == untranslatable:
		return fault.New(fault.Invalid, "The request holds a character that no text may have.", fault.Cause(err))
	default:
		return err
	}
}

// connectionLost reports whether err says that there was no connection, or it broke.
func connectionLost(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "conn closed")
}

// unavailable returns an Unavailable fault with the message, caused by err.
func unavailable(message string, err error) error {
	return fault.New(fault.Unavailable, message, fault.Cause(err))
}
