package inference

import (
	"io"
	"time"

	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/decoding"
	"github.com/17882237881/MaaS/shared/openinference"
	"github.com/17882237881/MaaS/shared/resolver"
	"github.com/17882237881/MaaS/shared/share"
)

// call is one request for a run of a model.
type call struct {
	who     auth.Principal
	holder  share.Holder // whom memory and slots are charged to
	memory  loan         // for the body, and what is made out of it
	work    decoding.Work
	target  ref.Target
	body    [][]byte      // its parts, which follow each other
	size    int64         // of the body
	header  string        // how many bytes of the body are JSON, as openinference.HeaderLength says it; "" for all
	session string        // the caller's word for calls that go to the same version of split traffic; "" for none
	timeout time.Duration // from the call's begin to the end of its answer
	wait    time.Duration // for a version that starts, at most; 0 for the whole timeout
	noCache bool          // run the model, whatever is kept
	noStore bool          // the same, and keep nothing

	contentType string                 // as the caller said it
	request     *openinference.Request // what the body says, if it has been read
	id          string                 // the request's, once it is known

	unary   bool              // over gRPC: the answer is needed whole
	typed   bool              // over gRPC: contents are typed, as the answer's are to be
	version *resolver.Version // that the target leads to; nil if it has not been looked for
	located time.Time         // when
}

// setBody sets the parts of the body, and its size to the sum of theirs.
func (c *call) setBody(parts [][]byte) {
	c.body, c.size = parts, 0
	for _, part := range parts {
		c.size += int64(len(part))
	}
}

// answer is what a model server said: its body is either whole or still to come.
type answer struct {
	contentType string
	header      string // as call's
	head        []byte // stands before whole
	whole       []byte
	rest        io.ReadCloser // nil if whole is all
	length      int64         // of rest, -1 if it is not known
	held        *loan         // for whole; nil if it is charged to nobody
	anonymous   bool          // whole is as openinference.WithoutIdentity gives it
}

// close closes the answer's body and ends its loan. It may be called again.
func (a *answer) close() {
	if a.rest != nil {
		_ = a.rest.Close() // only read from
	}
	if a.held != nil {
		a.held.leave()
		a.held = nil
	}
}
