package postgres

import (
	"strings"
)

// Literals returns those values for which some reports true as a list of SQL literals: 'a', 'b'. A statement with
// literals in place of parameters can use partial indexes. The values must be constants of the program without quotes.
func Literals[S ~string](values []S, some func(S) bool) string {
	var out []string
	for _, v := range values {
		if some(v) {
			out = append(out, "'"+string(v)+"'")
		}
	}
	return strings.Join(out, ", ")
}
