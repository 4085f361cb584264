package inference

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/17882237881/MaaS/shared/openinference"
)

// kept is what results has under a name: an answer, or the name that the answer is kept under.
type kept struct {
	id     string  // of the request, if the name is made of its bytes: they hold it
	at     string  // "" if the answer is here
	answer *answer // anonymous
}

func (k *kept) size() int {
	if k == nil {
		return 0
	}
	n := len(k.id) + len(k.at)
	if a := k.answer; a != nil {
		n += len(a.whole) + len(a.contentType) + len(a.header)
	}
	return n
}

// encodeKept writes the texts, each after its length, and the answer's body.
func encodeKept(k *kept) ([]byte, error) {
	a := k.answer
	if a == nil {
		a = &answer{}
	}
	b := make([]byte, 0, k.size()+4*binary.MaxVarintLen64)
	for _, text := range []string{k.id, k.at, a.contentType, a.header} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return append(b, a.whole...), nil
}

func decodeKept(b []byte) (*kept, error) {
	k, a := &kept{}, &answer{anonymous: true}
	for _, text := range []*string{&k.id, &k.at, &a.contentType, &a.header} {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) { //nolint:gosec // n is at most len(b)
			return nil, fmt.Errorf("inference: a kept answer of %d bytes is cut off", len(b))
		}
		*text = string(b[n : n+int(length)]) //nolint:gosec // it is at most len(b)
		b = b[n+int(length):]                //nolint:gosec // the same
	}
	if k.at == "" {
		if len(b) < len("{}") || b[0] != '{' {
			return nil, fmt.Errorf("inference: a kept answer of %d bytes is none", len(b))
		}
		a.whole = b
		k.answer = a
	}
	return k, nil
}

// anonymize takes the names of the model, its version and the request out of the answer, and reports whether that is done: it is not for an answer that
// is too long to be kept, whose body it closes, and for one that is none of the protocol's.
func (a *answer) anonymize() bool {
	if a.rest != nil {
		a.close()
		return false
	}
	defer a.close() // what is kept is charged to the cache
	header, err := openinference.ParseHeaderLength(a.header, len(a.whole))
	if err != nil {
		return false
	}
	whole, header, err := openinference.WithoutIdentity(a.whole, header)
	if err != nil {
		return false
	}
	a.whole, a.anonymous = whole, true
	if a.header != "" {
		a.header = strconv.Itoa(header)
	}
	return true
}

// named returns the answer as the call's: an anonymous one with the names that the caller used, and with the version that they led to.
func (a *answer) named(c *call, r *report) answer {
	if !a.anonymous {
		return *a
	}
	head, rest := openinference.Identified(c.target.Model.String(), r.version.Version.String(), c.id, a.whole)
	mine := answer{contentType: a.contentType, head: head, whole: rest}
	if a.header != "" {
		length, _ := strconv.Atoi(a.header) // anonymize wrote it
		mine.header = strconv.Itoa(len(head) + length - len("{"))
	}
	return mine
}
