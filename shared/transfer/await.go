package transfer

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/backoff"
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

// looks returns the pauses between two looks of a caller that waits for an upload to change.
func looks() backoff.Backoff {
	return backoff.Backoff{First: 250 * time.Millisecond, Longest: 2 * time.Second}
}

// await returns the upload once it has ended, or as it stands when the time is over.
func (t *Transfers) await(ctx context.Context, who auth.Principal, id uuid.UUID, patience time.Duration) (Upload, error) {
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pauses := looks(); ; {
		u, err := t.Find(ctx, who, Named{id})
		if err != nil || u.Status.Ended() || patient.Err() != nil {
			return u, err
		}
		if err := pauses.Wait(patient); err != nil && ctx.Err() != nil {
			return u, ctx.Err()
		}
	}
}
