package inference

import (
	"bytes"
	"testing"
)

func FuzzKeptAnswersAreReadAsTheyWereWritten(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{200, 200, 200, 200, 200, 200, 200, 200, 200, 1})
	for _, k := range []*kept{
		{id: "7", answer: &answer{contentType: "application/json", header: "12", whole: []byte(`{"outputs":[]}`)}},
		{id: "8", at: "elsewhere"},
	} {
		whole, err := encodeKept(k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(whole)
		f.Add(whole[:5])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := decodeKept(text)
		if err != nil {
			return
		}
		again, err := encodeKept(k)
		if err != nil {
			t.Fatal(err)
		}
		l, err := decodeKept(again)
		if err != nil || l.id != k.id || l.at != k.at || !same(k.answer, l.answer) {
			t.Errorf("%q is read as %+v, and again as %+v, %v", text, k, l, err)
		}
	})
}

func same(a, b *answer) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.anonymous && b.anonymous && a.contentType == b.contentType && a.header == b.header && bytes.Equal(a.whole, b.whole)
}
