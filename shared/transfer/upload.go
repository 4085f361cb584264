package transfer

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/objects"
)

// Status is where an upload stands. open → completing → verifying → ready | rejected; open → cancelled | expired.
type Status string

// The statuses. The table's trigger allows no other step between them.
const (
	StatusOpen       Status = "open"       // takes chunks
	StatusCompleting Status = "completing" // has all chunks; the store makes one object of them
	StatusVerifying  Status = "verifying"  // is read and checked
	StatusReady      Status = "ready"      // belongs to its draft version
	StatusRejected   Status = "rejected"   // is not what it should be; Problem says why
	StatusExpired    Status = "expired"    // was not completed in time
	StatusCancelled  Status = "cancelled"  // was given up by its owner
)

// statuses lists them in the order of an upload's life.
func statuses() []Status {
	return []Status{StatusOpen, StatusCompleting, StatusVerifying, StatusReady, StatusRejected, StatusExpired, StatusCancelled}
}

// UnmarshalText reads a status.
func (s *Status) UnmarshalText(text []byte) error {
	if !slices.Contains(statuses(), Status(text)) {
		return fault.New(fault.Invalid, "A status is open, completing, verifying, ready, rejected, expired or cancelled.", fault.Field("status"))
	}
	*s = Status(text)
	return nil
}

// Ended reports whether nothing will change any more.
func (s Status) Ended() bool { return s != StatusOpen && s != StatusCompleting && s != StatusVerifying }

// Phase is what an upload is waiting for, in the words that people are shown.
type Phase string

// The phases. Each has its own progress, from 0 to 1.
const (
	Receiving   Phase = "receiving"
	Assembling  Phase = "assembling"
	Hashing     Phase = "hashing"
	Recognising Phase = "recognising"
	Done        Phase = "done"
)

// Problem says why an upload was rejected.
type Problem struct {
	Code   string `json:"code"` // for programs: "sha256_mismatch", or a code of package formats
	Detail string `json:"detail"`
}

// Span is a range of chunks, both ends included.
type Span [2]int

// Upload is one file on its way into a draft version, as the API shows it.
type Upload struct {
	ID       uuid.UUID   `json:"id"`
	Model    ref.Model   `json:"model"`
	Version  ref.Version `json:"version"`
	Path     ref.Path    `json:"path"`
	Size     int64       `json:"size"`
	Chunk    int64       `json:"chunk_size"`
	First    int64       `json:"first_chunk_size"`
	Count    int         `json:"chunk_count"`
	Received int64       `json:"received_bytes"`
	Missing  []Span      `json:"missing"` // chunks that are not stored, in order; only while open
	Status   Status      `json:"status"`
	Phase    Phase       `json:"phase"`
	Progress float64     `json:"phase_progress"` // of the phase, 0 to 1
	Error    *Problem    `json:"error,omitempty"`
	SHA256   ref.Digest  `json:"sha256,omitzero"` // as the client said, and after hashing as it is
	Expires  time.Time   `json:"expires_at"`

	revision int64 // of the row
	stored   int   // chunks
}

// ETag changes with everything that the resource shows.
func (u Upload) ETag() string { return fmt.Sprintf("%d.%d", u.revision, u.stored) }

// Address is the upload's path in the API.
func (u Upload) Address() string { return "/v1/uploads/" + u.ID.String() }

// session is an upload with what only the functions need to know.
type session struct {
	Upload

	versionID uuid.UUID
	modelID   uuid.UUID // zero in a row of an earlier release
	orphaned  bool      // its model is deleted
	multipart objects.Multipart
	owner     string     // the actor who began it
	sha256    ref.Digest // as the client said, or none
	md5       MD5        // as the client said, or none
	format    string     // as the client said, or none
	hashed    int64      // bytes
}

func (s session) layout() Layout { return Layout{s.Size, s.Chunk, s.First, s.Count} }

// name names what the upload brings, in the audit log: "acme/fraud@1.4.0/model.onnx".
func (s session) name() string { return s.target() + "/" + string(s.Path) }

func (s session) target() string { return s.Model.String() + "@" + s.Version.String() }

// system is the principal of a function that goes on with the upload by itself.
func (s session) system(function string, tenant uuid.UUID) auth.Principal {
	return auth.System(function, tenant, s.Model.Tenant)
}

// shown sets what follows from the row: the phase of a status that has one, its progress, the bytes that are stored. Missing stays empty: only
// who shows it has to read it (readMissing).
func (s session) shown(received int64) session {
	s.Missing = []Span{}
	switch s.Status {
	case StatusOpen:
		s.Phase, s.Received = Receiving, received
		s.Progress = float64(s.Received) / float64(s.Size)
	case StatusCompleting:
		s.Received, s.Phase = s.Size, Assembling
	case StatusVerifying:
		s.Received = s.Size
		if s.Phase == Hashing {
			s.Progress = float64(s.hashed) / float64(s.Size)
		}
	case StatusReady:
		s.Received, s.Phase, s.Progress = s.Size, Done, 1
	default:
	}
	return s
}

// missing gives the spans between the stored chunks, which are in order.
func missing(stored []int, count int) []Span {
	spans := []Span{}
	next := 0
	for _, n := range append(slices.Clip(stored), count) {
		if n > next {
			spans = append(spans, Span{next, n - 1})
		}
		next = n + 1
	}
	return spans
}
