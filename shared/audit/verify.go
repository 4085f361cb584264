package audit

import (
	"bytes"
	"context"
	"crypto/sha256"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/shared/postgres"
)

// Report is what Verify found.
type Report struct {
	Sealed int64 `json:"sealed"` // links that are right, from the first on
	Broken int64 `json:"broken"` // the number of the first that is not; 0 for none
}

// Verify checks the tenant's chain up to its end or the first broken link: one whose entry was changed, removed or inserted afterwards. A broken
// link is in the report and is no error. Entries that are in no chain yet are not checked.
func Verify(ctx context.Context, db *postgres.DB, tenant uuid.UUID) (Report, error) {
	var report Report
	prev := make([]byte, sha256.Size)
	for report.Broken == 0 {
		walked := 0
		err := db.As(postgres.Sweep).Tx(ctx, tenant, func(tx postgres.Tx) (err error) {
			walked, prev, err = report.walk(ctx, tx, prev)
			return err
		})
		if err != nil || walked < links {
			return report, err
		}
	}
	return report, nil
}

// walk checks the next links after r.Sealed and updates the report. prev is the hash of the last link. It returns how many links it read, and the
// last right one's hash.
func (r *Report) walk(ctx context.Context, tx postgres.Tx, prev []byte) (int, []byte, error) {
	read, err := readLinks(ctx, tx, r.Sealed)
	if err != nil {
		return 0, prev, err
	}
	for _, l := range read {
		l.Tenant = tx.Tenant()
		hash, err := l.entry.hash(prev)
		if err != nil {
			return 0, prev, err
		}
		if l.Seq != r.Sealed+1 || !bytes.Equal(l.prev, prev) || !bytes.Equal(l.hash, hash) {
			r.Broken = r.Sealed + 1
			return len(read), prev, nil
		}
		r.Sealed, prev = l.Seq, hash
	}
	return len(read), prev, nil
}

// linked is an entry with its link as it is stored.
type linked struct {
	entry

	prev, hash []byte
}
