package formats

import (
	"encoding/json"
	"slices"
)

// jsonWalk visits each object in a JSON text, the inner ones first.
type jsonWalk struct {
	*jsonReader
	wanted []string // keys of interest
	// visit gets the texts that an object has under these keys, and where it ends.
	visit func(at int64, texts map[string]string)
}

// whole walks the text to its end.
func (w *jsonWalk) whole() error {
	if _, _, err := w.value(); err != nil {
		return err
	}
	return w.end()
}

// value walks the next value, and returns it if it is a text.
func (w *jsonWalk) value() (string, bool, error) {
	token, err := w.token()
	if err != nil {
		return "", false, err
	}
	switch token := token.(type) {
	case string:
		return token, true, nil
	case json.Delim:
		if token == '[' {
			return "", false, w.elements(func(int) error { _, _, err := w.value(); return err })
		}
		return "", false, w.object()
	default:
		return "", false, nil
	}
}

// object walks the rest of an object.
func (w *jsonWalk) object() error {
	texts := map[string]string{}
	err := w.members(func(key string) error {
		text, is, err := w.value()
		if is && slices.Contains(w.wanted, key) {
			texts[key] = text
		}
		return err
	})
	if err == nil && len(texts) > 0 {
		w.visit(w.at(), texts)
	}
	return err
}

// walk walks the JSON text that a file of the archive is.
func (a *zipArchive) walk(name string, wanted []string, visit func(at int64, texts map[string]string)) error {
	i := slices.IndexFunc(a.entries, func(e zipEntry) bool { return e.name == name })
	if i < 0 {
		return malformed(a.size, "ends without its file %s", name)
	}
	e := &a.entries[i]
	content := a.content(e)
	w := &jsonWalk{jsonReader: newJSON(content, 0), wanted: wanted, visit: visit}
	err := w.whole()
	if a.fault != nil || content.err != nil {
		return content.explain(a.file, err)
	}
	return inEntry(e, err)
}
