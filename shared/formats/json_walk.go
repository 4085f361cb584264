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

// value walks the next value, and returns it if it is a text or a number.
func (w *jsonWalk) value() (json.Token, error) {
	token, err := w.token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case string, json.Number:
		return token, nil
	case json.Delim:
		if token == '[' {
			return nil, w.elements(func(int) error { _, err := w.value(); return err })
		}
		return nil, w.object()
	default:
		return nil, nil
	}
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

// walk walks the JSON text that a file of the archive is.
func (a *zipArchive) walk(name string, w jsonWalk) error {
	i := slices.IndexFunc(a.entries, func(e zipEntry) bool { return e.name == name })
	if i < 0 {
		return malformed(a.size, "ends without its file %s", name)
	}
	e := &a.entries[i]
	content := a.content(e)
	w.jsonReader = newJSON(content, 0)
	err := w.whole()
	if a.fault != nil || content.err != nil {
		return content.explain(a.file, err)
	}
	return inEntry(e, err)
}
