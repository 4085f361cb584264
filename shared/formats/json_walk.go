package formats

import (
	"encoding/json"
	"slices"
)

// jsonWalk visits each object in a JSON text, the inner ones first.
type jsonWalk struct {
	*jsonReader
	wanted  []string // keys whose texts are of interest
	numbers []string // keys whose numbers are of interest
	// visit gets what an object has under these keys, as texts, and where it ends.
	visit func(at int64, texts map[string]string)
}

// whole walks the text to its end.
func (w *jsonWalk) whole() error {
	if _, err := w.value(); err != nil {
		return err
	}
	return w.end()
}

// value walks the next value, and returns how it begins: itself, unless it is a list or an object.
func (w *jsonWalk) value() (json.Token, error) {
	token, err := w.token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		err = w.elements(func(int) error { _, err := w.value(); return err })
	case json.Delim('{'):
		err = w.object()
	}
	return token, err
}

// object walks the rest of an object.
func (w *jsonWalk) object() error {
	texts := map[string]string{}
	err := w.members(func(key string) error {
		value, err := w.value()
		switch value := value.(type) {
		case string:
			if slices.Contains(w.wanted, key) {
				texts[key] = value
			}
		case json.Number:
			if slices.Contains(w.numbers, key) {
				texts[key] = value.String()
			}
		}
		return err
	})
	if err == nil && len(texts) > 0 {
		w.visit(w.at(), texts)
	}
	return err
}

// maxZipJSON bounds a JSON text in an archive: what is read in some ten seconds.
const maxZipJSON = 256 << 20

// walk walks the JSON text that a file of the archive is.
func (a *zipArchive) walk(name string, w jsonWalk) error {
	i := slices.IndexFunc(a.entries, func(e zipEntry) bool { return e.name == name })
	if i < 0 {
		return malformed(a.size, "ends without its file %s", name)
	}
	e := &a.entries[i]
	if e.size > maxZipJSON {
		return tooComplex("has the file %s of %d bytes; at most %d are allowed", shorten(name), e.size, maxZipJSON)
	}
	content := a.content(e)
	w.jsonReader = newJSON(content, 0)
	err := w.whole()
	if a.fault != nil || content.err != nil {
		return content.explain(a.file, err)
	}
	return inEntry(e, err)
}
