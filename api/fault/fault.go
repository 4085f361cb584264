// Package fault is the one error type of MaaS: what went wrong in the caller's terms, and the cause for the log.
//
// An error is made where its cause is known, with the sentence that the user will read. On the way up it is wrapped only with what
// the caller did not know. It is rendered once (httpapi) and logged once (serve). An error that is no *Error is Internal.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Error is a failure. Message is one sentence for the user; Err is the cause, for the log alone.
type Error struct {
	Kind       Kind
	Op         string // what was being done, for the log: "catalog.Publish"
	Message    string
	Fields     []FieldError  // what of the input is wrong; only with Invalid, Conflict and Unprocessable
	RetryAfter time.Duration // when to try again; 0 lets the renderer choose for the kinds that need one
	Err        error
}

// FieldError says what is wrong with one field of the input. Field is the JSON path, header or parameter as the user wrote it.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error returns the whole chain, for the log.
func (e *Error) Error() string {
	text := e.Message
	if e.Op != "" {
		text = e.Op + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Option sets what only some errors carry.
type Option func(*Error)

// Field names the input that the message speaks of; called again it adds another, with the same message.
func Field(name string) Option {
	return func(e *Error) { e.Fields = append(e.Fields, FieldError{Field: name, Detail: e.Message}) }
}

// Fields adds what is wrong with several inputs.
func Fields(fields ...FieldError) Option {
	return func(e *Error) { e.Fields = append(e.Fields, fields...) }
}

// Cause records the underlying error, which goes to the log and not to the user.
func Cause(err error) Option { return func(e *Error) { e.Err = err } }

// Op records the operation that failed, for the log.
func Op(op string) Option { return func(e *Error) { e.Op = op } }

// RetryAfter says when to try again.
func RetryAfter(d time.Duration) Option { return func(e *Error) { e.RetryAfter = d } }

// New returns an error of a kind with the sentence that the user will read.
func New(kind Kind, message string, options ...Option) *Error {
	e := &Error{Kind: kind, Message: message}
	for _, option := range options {
		option(e)
	}
	return e
}

// InvalidField returns an Invalid error of one field of the input. The format begins with a verb that follows the field's name, as in "must be …", or names
// what it is about.
func InvalidField(field, format string, values ...any) error {
	return New(Invalid, fmt.Sprintf(format, values...), Field(field))
}

// KindOf returns the kind of the outermost *Error in err's chain. Without one it is Timeout or Canceled for the error of a context that ended, and Internal
// for any other, nil too.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	default:
		return Internal
	}
}

// Is reports whether err is of the kind; nil is of none.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// From returns the *Error in err's chain, the outermost. Without one it returns an *Error of KindOf's kind with err as its cause, whose message shows
// nothing of the inside.
func From(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	kind := KindOf(err)
	return &Error{Kind: kind, Message: kind.sentence(), Err: err}
}

// Because returns the error that the caller of a request is to see. If ctx was ended with an *Error as its cause (context.WithCancelCause) and err is
// Canceled or Retryable, it returns a copy of that cause with err as its Err. Otherwise it returns err.
func Because(ctx context.Context, err error) error {
	cause, ok := errors.AsType[*Error](context.Cause(ctx))
	if kind := KindOf(err); !ok || kind != Canceled && !kind.Retryable() {
		return err
	}
	because := *cause
	because.Err = err
	return &because
}
