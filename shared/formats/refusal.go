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

// malformed returns the refusal of an ONNX file that is damaged at a byte. format and values continue the phrase "at byte N it".
func malformed(at int64, format string, values ...any) *Refusal {
	return &Refusal{Malformed, ONNX, fmt.Sprintf("this ONNX file is damaged: at byte %d it %s", at, fmt.Sprintf(format, values...))}
}

// tooComplex returns the refusal of an ONNX file that exceeds a bound. format and values continue the phrase "it".
func tooComplex(format string, values ...any) *Refusal {
	return &Refusal{TooComplex, ONNX, "this ONNX file is too complex: it " + fmt.Sprintf(format, values...)}
}

// unsupportedType returns the refusal of an input or output that callers cannot send or read. format and values are the whole message.
func unsupportedType(format string, values ...any) *Refusal {
	return &Refusal{UnsupportedType, ONNX, fmt.Sprintf(format, values...)}
}

// shorten returns a name of the file in quotes, cut to 80 bytes, for a message.
func shorten(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q...", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
