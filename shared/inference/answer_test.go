package inference

import (
	"bytes"
	"testing"
)

func FuzzKeptAnswersAreReadAsTheyWereWritten(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{200, 200, 200, 200, 200, 200, 200, 200, 200, 1})
	whole, err := encodeAnswer(&answer{contentType: "application/json", header: "12", whole: []byte(`{"outputs":[]}`)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:5])
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := decodeAnswer(text)
		if err != nil {
			return
		}
		again, err := encodeAnswer(a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := decodeAnswer(again)
		if err != nil || b.contentType != a.contentType || b.header != a.header || !bytes.Equal(b.whole, a.whole) {
			t.Errorf("%q is read as %+v, and again as %+v, %v", text, a, b, err)
		}
	})
}
