package jsontext_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
	"github.com/17882237881/MaaS/shared/jsontext"
)

func TestTextThatIsNotUnicodeIsRefusedByItsField(t *testing.T) {
	t.Parallel()
	for text, field := range map[string]string{
		`{"a":"\ud800"}`:                                          "a",
		`{"a":"\uDFFF and more"}`:                                 "a",
		`{"a":"\udc00\ud800"}`:                                    "a",
		`{"a":"\ud800\ud800\udc00"}`:                              "a",
		`{"a":"\ud800A"}`:                                         "a",
		`{"a":"\\\ud800"}`:                                        "a",
		`{"b":["x",{"c":1,"d":"\"\ud83d"}]}`:                      "b[1].d",
		`{"b":[[],["\ud83d"]]}`:                                   "b[1][0]",
		`{"a":{"k\ud800":1}}`:                                     "a.k",
		"{\"a\":{\"b\":\"x\xff\"}}":                               "a.b",
		`["` + "\xed\xa0\x80" + `"]`:                              "[0]", // a surrogate in UTF-8, which has none
		`{"a":"{[,","` + strings.Repeat("x", 300) + `":"\ud800"}`: strings.Repeat("x", 200) + "…",
	} {
		faulttest.AssertKind(t, jsontext.Check([]byte(text)), fault.Invalid, field)
	}
	faulttest.AssertKind(t, jsontext.Check([]byte(`"\ud800"`)), fault.Invalid)
}

func TestUnicodePasses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `{}`, `{"a":"\ud83d\ude00 \uD83D\uDE00 \u00e9 \n \\ud800 \ufffd ` + "\ufffd\U0001F600" + `"}`, `"\\\\"`} {
		if err := jsontext.Check([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzCheck: of valid JSON, exactly what has characters that are replaced is refused.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{"a":"\ud800"}`, `["\ud83d\ude00"]`, "\"\xff\"", `{"\\\ud800":[]}`, `"\udfff\\"`, "\"\ufffd\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var value any
		if json.Unmarshal(text, &value) != nil {
			return
		}
		err := jsontext.Check(text)
		if bytes.Contains(bytes.ToLower(text), []byte("fffd")) || bytes.Contains(text, []byte("\ufffd")) {
			return // the character itself may stand in the text
		}
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if encodeErr := encoder.Encode(value); encodeErr != nil {
			t.Fatal(encodeErr)
		}
		replaced := bytes.Contains(out.Bytes(), []byte("\ufffd")) || !utf8.Valid(text)
		if replaced != (err != nil) && !doubled(text) {
			t.Errorf("%q: %v, read as %s", text, err, out.Bytes())
		}
	})
}

// doubled reports whether a member may have been lost, and what was wrong with it.
func doubled(text []byte) bool { return bytes.Count(text, []byte(":")) > 1 }
