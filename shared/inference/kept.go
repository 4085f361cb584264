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

// size returns about how many bytes k takes, 0 for nil.
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

// encodeKept encodes k for Redis: each text after its length, then the answer's body. It never fails.
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

// decodeKept decodes what encodeKept returned. It fails if that is cut off or has no answer.
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

// anonymize removes the names of the model, the version and the request from the answer, and ends its loan. It reports false for an answer that
// cannot be kept, because it is too long or malformed; too long a one is closed.
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

// named returns the answer for a call: an anonymous one with the call's model and request id and the report's version, any other as it is.
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
