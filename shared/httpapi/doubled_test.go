package httpapi

import (
	"strings"
	"testing"
)

func TestDoubledMembersAreFoundAtAnyDepth(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a":1,"b":2}`:                         "",
		`{"a":1,"a":2}`:                         "m.a",
		`{"a":{"b":[1,{"c":"c","d":0,"c":2}]}}`: "m.a.b[1].c",
		`{"":"","":1}`:                          "m.",
		`{"a":"a","b":["a","b"],"b":null}`:      "m.b",
		`[{"x":{}},{"x":[],"y":{},"x":"y"}]`:    "m[1].x",
		"{\"a\":1,\"\\u0061\":2}":               "m.a",
		`{"a":1,"a":2,"a":3}`:                   "m.a" + " " + "m.a",
		`"a"`:                                   "",
		strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000): "",
	} {
		var s strict
		noteDoubled(&s, []byte(text), "m")
		var got []string
		for _, e := range s.errors {
			got = append(got, e.Field)
		}
		if found := strings.Join(got, " "); found != want {
			t.Errorf("%.60s: found %q, want %q", text, found, want)
		}
	}
}
