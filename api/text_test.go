package api

import (
	"encoding"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/faulttest"
)

func TestTextsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		into encoding.TextUnmarshaler
		text string
	}{
		"long description":   {new(Description), strings.Repeat("ü", maxDescription+1)},
		"null character":     {new(Description), "a\x00b"},
		"not UTF-8":          {new(Description), "\xff"},
		"long changelog":     {new(Changelog), strings.Repeat("x", maxChangelog+1)},
		"empty reason":       {new(Reason), "  "},
		"two lines":          {new(Label), "a\nb"},
		"long label":         {new(Label), strings.Repeat("x", maxLabel+1)},
		"empty tag":          {new(Tag), ""},
		"tag with a space":   {new(Tag), "a b"},
		"long tag":           {new(Tag), strings.Repeat("x", 64)},
		"order":              {new(ModelOrder), "size"},
		"empty query":        {new(ModelQuery), " "},
		"long query":         {new(ModelQuery), strings.Repeat("x", maxQuery+1)},
		"status":             {new(VersionStatus), "ready"},
		"quantity":           {new(Quantity), "1 GB"},
		"negative quantity":  {new(Quantity), "-1"},
		"pair without dots":  {new(ComparedVersions), "1.0.0"},
		"pair with two dots": {new(ComparedVersions), "1.0.0..1.1.0"},
		"half a pair":        {new(ComparedVersions), "1.0.0..."},
		"bad pair":           {new(ComparedVersions), "1.0.0...!"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faulttest.AssertKind(t, c.into.UnmarshalText([]byte(c.text)), fault.Invalid)
		})
	}
}

func TestJSONThatIsRefused(t *testing.T) {
	t.Parallel()
	many := make([]string, maxTags+1)
	keys := map[string]int{}
	for i := range max(len(many), maxKeys+1) {
		keys[fmt.Sprint("k", i)] = i
	}
	for i := range many {
		many[i] = fmt.Sprint("t", i)
	}
	text := func(v any) string {
		b, _ := json.Marshal(v) // strings and numbers always encode
		return string(b)
	}
	for name, c := range map[string]struct {
		into json.Unmarshaler
		text string
	}{
		"tags of numbers":    {new(Tags), `[1]`},
		"no list of tags":    {new(Tags), `"a"`},
		"many tags":          {new(Tags), text(many)},
		"metadata as a list": {new(Metadata), `[]`},
		"many keys":          {new(Metadata), text(keys)},
		"long key":           {new(Metadata), text(map[string]int{strings.Repeat("k", maxKey+1): 1})},
		"empty key":          {new(Metadata), `{"": 1}`},
		"large metadata":     {new(Metadata), text(map[string]string{"k": strings.Repeat("x", maxMetadata)})},
		"null character":     {new(Metadata), `{"a": {"b": ["\u0000"]}}`},
		"null in a key":      {new(Metadata), `{"a": {"\u0000": 1}}`},
		"endless number":     {new(Metadata), `{"a": 1e999999}`},
		"bad alias":          {new(AliasNames), `["A"]`},
		"aliases as text":    {new(AliasNames), `"a"`},
		"many aliases":       {new(AliasNames), text(strings.Split("a b c d e f g h i j k", " "))},
		"many replicas":      {new(Replicas), `101`},
		"fewer than none":    {new(Replicas), `-1`},
		"half a replica":     {new(Replicas), `0.5`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faulttest.AssertKind(t, c.into.UnmarshalJSON([]byte(c.text)), fault.Invalid)
		})
	}
	for _, text := range []string{`["latest"]`, `["v1.2.3"]`, `["1.x"]`} {
		faulttest.AssertKind(t, new(AliasNames).UnmarshalJSON([]byte(text)), fault.Unprocessable, "alias")
	}
}

func TestTagsAreSortedAndUnique(t *testing.T) {
	t.Parallel()
	var tags Tags
	if err := json.Unmarshal([]byte(`["b", "a", "b", "模型"]`), &tags); err != nil || fmt.Sprint(tags) != "[a b 模型]" {
		t.Errorf("%v, %v", tags, err)
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`{"a": [1, {"b": null}], "c": "d"}`))
	f.Add([]byte(`{"a": 1e400, "b": "\u0000", "c": "\ud800"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var m Metadata
		if m.UnmarshalJSON(text) != nil {
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatalf("%s was accepted and does not encode: %v", text, err)
		}
		var n Metadata
		if err := n.UnmarshalJSON(again); err != nil && len(again) <= maxMetadata {
			t.Errorf("%s was accepted, and %s is not: %v", text, again, err)
		}
	})
}

func FuzzPair(f *testing.F) {
	f.Add([]byte("1.3.0...1.4.0"))
	f.Add([]byte("v1...^2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p ComparedVersions
		if p.UnmarshalText(text) == nil && (p.A.String() == "" || p.B.String() == "") {
			t.Errorf("%q was accepted", text)
		}
	})
}
