package openinference

import "slices"

// WithoutIdentity returns a copy of a response without model_name, model_version and id: what the model computed, whoever asked. The first
// header bytes of body, and the first length bytes of the result, are JSON; the rest is binary data. It fails with Invalid if the JSON is no
// response; the outputs are not checked.
func WithoutIdentity(body []byte, header int) (anonymous []byte, length int, err error) {
	d := decoder{scanner: scanner{text: body[:header]}}
	w := writer{body: make([]byte, 0, len(body))}
	w.open('{')
	err = d.object(func(key string) (err error) {
		d.next()
		start := d.at
		switch key {
		case "model_name", "model_version", "id":
			_, err = d.optional()
			return err
		case "parameters":
			_, err = d.parameters()
		case "outputs":
			if !d.word("null") {
				_, err = d.skipArray()
			}
		default:
			return unknown(key, responseMembers)
		}
		w.key(key)
		w.body = append(w.body, d.text[start:d.at]...)
		return err
	})
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return nil, 0, err
	}
	w.close('}')
	return append(w.body, body[header:]...), len(w.body), nil
}

// Identified returns a response made by WithoutIdentity with the model's name, its version and the request's id. The whole response is head
// followed by rest, which shares memory with anonymous. A version or id of "" is left out.
func Identified(model, version, id string, anonymous []byte) (head, rest []byte) {
	const names = `{"model_name":"","model_version":"","id":"",`
	w := writer{body: make([]byte, 0, len(names)+len(model)+len(version)+len(id))}
	w.open('{')
	w.identity(model, version, id)
	rest = anonymous[1:]
	if rest[0] != '}' {
		w.body = append(w.body, ',')
	}
	return slices.Clip(w.body), rest
}
