package transfer

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/fault"
)

// Preference is the header Prefer (RFC 7240), of which wait is known: seconds, 1 to 60.
type Preference struct{ Wait time.Duration }

const maxWait = 60

// UnmarshalText reads a Prefer header. Preferences other than wait are ignored, as the RFC has it.
func (p *Preference) UnmarshalText(text []byte) error {
	for one := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		if !strings.EqualFold(name, "wait") {
			continue
		}
		seconds, err := strconv.Atoi(strings.Trim(value, `"`))
		if err != nil || seconds < 1 || seconds > maxWait {
			return fault.New(fault.Invalid, fmt.Sprintf("A wait is from 1 to %d seconds.", maxWait), fault.Field("Prefer"))
		}
		p.Wait = time.Duration(seconds) * time.Second
	}
	return nil
}

// How often a row that is being waited for is looked at: soon while it changes, more rarely while it does not.
const (
	soon  = 250 * time.Millisecond
	later = time.Second
)

// await gives the upload once it has ended, or as it stands when the time is over.
func (t *Transfers) await(ctx context.Context, who auth.Principal, id uuid.UUID, patience time.Duration) (Upload, error) {
	until := time.Now().Add(patience)
	pause := soon
	for {
		u, err := t.Find(ctx, who, Named{id})
		if err != nil || u.Status.Ended() || time.Now().After(until) {
			return u, err
		}
		select {
		case <-ctx.Done():
			return u, ctx.Err()
		case <-time.After(min(pause, max(time.Until(until), 0))):
			pause = min(pause*2, later)
		}
	}
}
