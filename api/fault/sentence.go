package fault

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// predicates begin details whose subject is their field.
var predicates = []string{"is", "are", "must", "has", "have", "names", "gives", "needs", "cannot"}

// Sentence makes a whole sentence of what is wrong with a field: "has more than 64 keys" becomes "metadata has more than 64 keys.".
// A detail without a letter, such as "0-3", is for programs: it stays as it is.
func Sentence(field, detail string) string {
	if !strings.ContainsFunc(detail, unicode.IsLetter) {
		return detail
	}
	first, _, _ := strings.Cut(detail, " ")
	switch {
	case field != "" && slices.Contains(predicates, first):
		detail = field + " " + detail
	case first != field && isWord(first):
		r, size := utf8.DecodeRuneInString(detail)
		detail = string(unicode.ToUpper(r)) + detail[size:]
	}
	if last, _ := utf8.DecodeLastRuneInString(detail); !strings.ContainsRune(".!?…", last) {
		detail += "."
	}
	return detail
}

// isWord reports whether a sentence's first word can take a capital letter: names, such as acme/fraud or model.onnx, cannot.
func isWord(first string) bool {
	return !strings.ContainsFunc(strings.TrimRight(first, ",;:"), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '-' })
}

// Told returns the message and the fields as users are told of them, in whole sentences (Sentence). It leaves out Op and the cause.
func (e *Error) Told() (message string, fields []FieldError) {
	subject := ""
	for _, f := range e.Fields {
		if f.Detail == e.Message {
			subject = f.Field
			break
		}
	}
	for _, f := range e.Fields {
		fields = append(fields, FieldError{f.Field, Sentence(f.Field, f.Detail)})
	}
	return Sentence(subject, e.Message), fields
}

// Count writes a number for people: 16,384.
func Count[N ~int | ~int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	const group = 3
	for at := len(digits) - group; at > 0 && digits[at-1] != '-'; at -= group {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
