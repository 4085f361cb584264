package postgres

import (
	"strings"
)

// Literals returns the values that some reports as a list of SQL's literals: 'a', 'b'. A statement that has them, and no parameters, is planned with partial
// indexes. Values are of an enumeration and have no quotes.
func Literals[S ~string](values []S, some func(S) bool) string {
	var out []string
	for _, v := range values {
		if some(v) {
			out = append(out, "'"+string(v)+"'")
		}
	}
	return strings.Join(out, ", ")
}
