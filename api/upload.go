package api

import (
	"crypto/md5" //nolint:gosec // what a client's mirror publishes; trust rests on SHA-256
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/17882237881/MaaS/api/condition"
	"github.com/17882237881/MaaS/api/fault"
	"github.com/17882237881/MaaS/api/page"
	"github.com/17882237881/MaaS/api/ref"
)

// Preference is the header Prefer (RFC 7240), of which wait is known: seconds, 1 to 60.
type Preference struct{ Wait time.Duration }

const maxWait = 60

// MarshalText writes the header in whole seconds, "wait=30", and never fails.
func (p Preference) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "wait=%d", int(p.Wait.Seconds())), nil
}

// UnmarshalText reads a Prefer header. It fails with Invalid unless a wait is 1 to 60. Preferences other than wait are ignored, as the RFC has it.
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

// UploadMode is the way that bytes take.
type UploadMode string

// UploadProxy is through upload-chunk. UploadDirect, with presigned addresses of the store, is not offered yet.
const (
	UploadProxy  UploadMode = "proxy"
	UploadDirect UploadMode = "direct"
)

// UnmarshalText reads a mode. It fails with Invalid unless the text is proxy or direct.
func (m *UploadMode) UnmarshalText(text []byte) error {
	if UploadMode(text) != UploadProxy && UploadMode(text) != UploadDirect {
		return fault.New(fault.Invalid, "A mode is proxy or direct.", fault.Field("mode"))
	}
	*m = UploadMode(text)
	return nil
}

// MD5 is a digest that a client's mirror publishes, in 32 lowercase hexadecimal digits; "" is none. It finds accidents, not attacks.
type MD5 string

// UnmarshalText reads 32 lowercase hexadecimal digits, or nothing. It fails with Invalid for any other text.
func (m *MD5) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if len(text) != 0 && (err != nil || len(raw) != md5.Size || hex.EncodeToString(raw) != string(text)) {
		return fault.New(fault.Invalid, "An MD5 has 32 lowercase hexadecimal digits.", fault.Field("md5"))
	}
	*m = MD5(text)
	return nil
}

// UploadStatus is how far an upload is. open → completing → verifying → ready | rejected; open → cancelled | expired.
type UploadStatus string

// The statuses. The table's trigger allows no other step between them.
const (
	UploadOpen       UploadStatus = "open"       // takes chunks
	UploadCompleting UploadStatus = "completing" // has all chunks; the store makes one object of them
	UploadVerifying  UploadStatus = "verifying"  // is read and checked
	UploadReady      UploadStatus = "ready"      // belongs to its draft version
	UploadRejected   UploadStatus = "rejected"   // is not what it should be; Error says why
	UploadExpired    UploadStatus = "expired"    // was not completed in time
	UploadCancelled  UploadStatus = "cancelled"  // was given up by its owner
)

// UploadStatuses lists the statuses in the order of an upload's life.
func UploadStatuses() []UploadStatus {
	return []UploadStatus{UploadOpen, UploadCompleting, UploadVerifying, UploadReady, UploadRejected, UploadExpired, UploadCancelled}
}

// UnmarshalText reads a status. It fails with Invalid if there is no such status.
func (s *UploadStatus) UnmarshalText(text []byte) error {
	if !slices.Contains(UploadStatuses(), UploadStatus(text)) {
		return fault.New(fault.Invalid, "A status is open, completing, verifying, ready, rejected, expired or cancelled.", fault.Field("status"))
	}
	*s = UploadStatus(text)
	return nil
}

// uploadSteps has the statuses that may follow each. A trigger of the database has them too.
var uploadSteps = map[UploadStatus][]UploadStatus{
	UploadOpen:       {UploadCompleting, UploadCancelled, UploadExpired},
	UploadCompleting: {UploadVerifying},
	UploadVerifying:  {UploadReady, UploadRejected},
}

// CanBecome reports whether an upload may change from s to next. An ended upload cannot change.
func (s UploadStatus) CanBecome(next UploadStatus) bool { return slices.Contains(uploadSteps[s], next) }

// Ended reports whether nothing will change any more.
func (s UploadStatus) Ended() bool {
	return s != UploadOpen && s != UploadCompleting && s != UploadVerifying
}

// UploadPhase is what an upload is waiting for, in the words that people are shown.
type UploadPhase string

// The phases. Each has its own progress, from 0 to 1.
const (
	Receiving   UploadPhase = "receiving"
	Assembling  UploadPhase = "assembling"
	Hashing     UploadPhase = "hashing"
	Recognising UploadPhase = "recognising"
	Done        UploadPhase = "done"
)

// UploadProblem says why an upload was rejected.
type UploadProblem struct {
	Code   string `json:"code"` // for programs: "sha256_mismatch", or a code of package formats
	Detail string `json:"detail"`
}

// ChunkRange is a range of chunks, both ends included.
type ChunkRange [2]int

// Upload is one file on its way into a draft version, as the API shows it.
type Upload struct {
	ID       ID             `json:"id"`
	Model    ref.Model      `json:"model"`
	Version  ref.Version    `json:"version"`
	Path     ref.Path       `json:"path"`
	Size     int64          `json:"size"`
	Chunk    int64          `json:"chunk_size"`
	First    int64          `json:"first_chunk_size"`
	Count    int            `json:"chunk_count"`
	Received int64          `json:"received_bytes"`
	Missing  []ChunkRange   `json:"missing"` // chunks that are not stored, in order; only while open
	Status   UploadStatus   `json:"status"`
	Phase    UploadPhase    `json:"phase"`
	Progress float64        `json:"phase_progress"` // of the phase, 0 to 1
	Error    *UploadProblem `json:"error,omitempty"`
	SHA256   ref.Digest     `json:"sha256,omitzero"` // as the client said, and after hashing as it is
	Expires  time.Time      `json:"expires_at"`
	Revision string         `json:"-"` // the entity tag: it changes with everything that the resource shows
}

// ETag returns the upload's entity tag, without quotes.
func (u Upload) ETag() string { return u.Revision }

// Layout returns how the file is cut into chunks.
func (u Upload) Layout() Layout {
	return Layout{Size: u.Size, Chunk: u.Chunk, First: u.First, Count: u.Count}
}

// Address returns the upload's path in the API.
func (u Upload) Address() string { return "/v1/uploads/" + u.ID.String() }

// CreateUploadRequest asks for an upload. Exactly one of Version and Bump is given.
type CreateUploadRequest struct {
	Model    ref.Model   `json:"model"`
	Version  ref.Version `json:"version,omitzero"`
	Bump     ref.Bump    `json:"bump,omitempty"`
	Filename ref.Path    `json:"filename"`
	Path     ref.Path    `json:"path,omitempty"` // in the version; Filename unless given
	Size     int64       `json:"size"`           // bytes, 1 or more
	SHA256   ref.Digest  `json:"sha256,omitzero"`
	MD5      MD5         `json:"md5,omitempty"`
	Format   string      `json:"format,omitempty"` // what verification must find, if given: onnx, gguf, safetensors, data and so on
	Chunk    int64       `json:"chunk_size,omitempty"`
	First    int64       `json:"first_chunk_size,omitempty"`
	Mode     UploadMode  `json:"mode,omitempty"`
	Lineage  Lineage     `json:"lineage,omitzero"`
}

// Destination returns where the file will lie in the version.
func (in CreateUploadRequest) Destination() ref.Path {
	if in.Path == "" {
		return in.Filename
	}
	return in.Path
}

// CompleteRequest says that all chunks are sent, and which.
type CompleteRequest struct {
	ID     ID           `path:"id"`
	Prefer Preference   `header:"Prefer"`
	Chunks []ref.Digest `json:"chunks"` // in their order
}

// GetUploadRequest names an upload.
type GetUploadRequest struct {
	ID ID `path:"id"`
}

// ListUploadsRequest asks for a page of uploads, of all statuses unless some are given.
type ListUploadsRequest struct {
	page.Request

	Status []UploadStatus `query:"status"`
}

// CancelUploadRequest names an open upload to cancel.
type CancelUploadRequest struct {
	ID          ID                  `path:"id"`
	IfMatch     condition.Match     `header:"If-Match"`
	IfNoneMatch condition.NoneMatch `header:"If-None-Match"`
}
