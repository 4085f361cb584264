package formats

import "fmt"

// Code says, for programs, why a file is refused.
type Code string

// The reasons of a refusal.
const (
	Empty             Code = "empty"
	UnsupportedFormat Code = "unsupported_format" // another format, or none that is known
	RunsCode          Code = "runs_code"          // loading it can run code
	Truncated         Code = "truncated"
	Malformed         Code = "malformed"
	UnsupportedType   Code = "unsupported_type" // an input or output that no caller can send or read
	UnsafeReference   Code = "unsafe_reference" // data outside of the version
	TooComplex        Code = "too_complex"      // beyond the bounds of the reader
	TooLarge          Code = "too_large"        // more than its format can have
)

// Refusal is why a file is not accepted.
type Refusal struct { //nolint:errname // it is the answer to a question, and an error only on its way
	Code   Code
	Format Format // what the file seems to be
	Detail string // a sentence for the user
}

// Error returns the sentence.
func (r *Refusal) Error() string { return r.Detail }

// A reader's refusals of damage leave the format out and begin with a verb: named completes them.

func malformed(at int64, format string, values ...any) *Refusal {
	return &Refusal{Code: Malformed, Detail: fmt.Sprintf("is damaged: at byte %d it %s", at, fmt.Sprintf(format, values...))}
}

func truncated(size int64, why string, at int64) *Refusal {
	return &Refusal{Code: Truncated, Detail: fmt.Sprintf("is truncated at byte %d: %s at byte %d", size, why, at)}
}

// tooComplex returns the refusal of a file that exceeds a bound. format and values continue the phrase "it".
func tooComplex(format string, values ...any) *Refusal {
	return &Refusal{Code: TooComplex, Detail: "is too complex: it " + fmt.Sprintf(format, values...)}
}

// named returns the refusal with the file's format, and the detail as a whole sentence.
func (r *Refusal) named(a about) *Refusal {
	if r.Format != "" {
		return r
	}
	return &Refusal{Code: r.Code, Format: a.format, Detail: "this " + a.label() + " " + r.Detail}
}

// shorten returns a name of the file in quotes, cut to 80 bytes, for a message.
func shorten(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q...", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
