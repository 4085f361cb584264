package transfer

import (
	"slices"

	"github.com/google/uuid"

	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
	"github.com/17882237881/MaaS/shared/auth"
	"github.com/17882237881/MaaS/shared/objects"
)

// session is an upload with what only the functions need to know.
type session struct {
	api.Upload

	versionID uuid.UUID
	modelID   uuid.UUID // zero in a row of an earlier release
	orphaned  bool      // its model is deleted
	multipart objects.Multipart
	owner     string     // the actor who began it
	sha256    ref.Digest // as the client said, or none
	md5       api.MD5    // as the client said, or none
	format    string     // as the client said, or none
	hashed    int64      // bytes
	stored    int        // chunks
}

// name returns the upload's name in the audit log: "acme/fraud@1.4.0/model.onnx".
func (s session) name() string { return s.target() + "/" + string(s.Path) }

// target returns the version's name: "acme/fraud@1.4.0".
func (s session) target() string { return s.Model.String() + "@" + s.Version.String() }

// system returns the principal of a function that goes on with the upload by itself.
func (s session) system(function string, tenant uuid.UUID) auth.Principal {
	return auth.System(function, tenant, s.Model.Tenant)
}

// shown returns the session with what follows from its row: the phase, its progress and the received bytes. received is the size of the stored chunks; it
// counts while the upload is open. Missing is empty, not read (readMissing).
func (s session) shown(received int64) session {
	s.Missing = []api.ChunkRange{}
	switch s.Status {
	case api.UploadOpen:
		s.Phase, s.Received = api.Receiving, received
		s.Progress = float64(s.Received) / float64(s.Size)
	case api.UploadCompleting:
		s.Received, s.Phase = s.Size, api.Assembling
	case api.UploadVerifying:
		s.Received = s.Size
		if s.Phase == api.Hashing {
			s.Progress = float64(s.hashed) / float64(s.Size)
		}
	case api.UploadReady:
		s.Received, s.Phase, s.Progress = s.Size, api.Done, 1
	default:
	}
	return s
}

// missing returns the ranges of the indexes below count that are not among the stored ones, which are in order.
func missing(stored []int, count int) []api.ChunkRange {
	spans := []api.ChunkRange{}
	next := 0
	for _, n := range append(slices.Clip(stored), count) {
		if n > next {
			spans = append(spans, api.ChunkRange{next, n - 1})
		}
		next = n + 1
	}
	return spans
}
