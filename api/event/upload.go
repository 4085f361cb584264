package event

import (
	"github.com/17882237881/MaaS/api"
	"github.com/17882237881/MaaS/api/ref"
)

// UploadCompleted says that all chunks of an upload are there.
type UploadCompleted struct {
	Upload api.ID `json:"upload"`
}

// EventType is maas.upload.completed.v1.
func (UploadCompleted) EventType() Type { return "maas.upload.completed.v1" }

// EventSubject returns the upload's id.
func (p UploadCompleted) EventSubject() string { return p.Upload.String() }

// UploadVerifying asks for the next step of a verification.
type UploadVerifying struct {
	Upload api.ID `json:"upload"`
	Offset int64  `json:"offset"` // bytes hashed so far
}

// EventType is maas.upload.verifying.v1.
func (UploadVerifying) EventType() Type { return "maas.upload.verifying.v1" }

// EventSubject returns the upload's id.
func (p UploadVerifying) EventSubject() string { return p.Upload.String() }

// UploadVerified says that a file belongs to its draft version.
type UploadVerified struct {
	Upload   api.ID     `json:"upload"`
	Version  string     `json:"version"` // "acme/fraud@1.4.0"
	Path     string     `json:"path"`
	Size     int64      `json:"size"`
	SHA256   ref.Digest `json:"sha256"`
	MD5      string     `json:"md5,omitempty"` // hexadecimal, where it was given
	Format   string     `json:"format"`
	Findings []string   `json:"findings,omitempty"`
}

// EventType is maas.upload.verified.v1.
func (UploadVerified) EventType() Type { return "maas.upload.verified.v1" }

// EventSubject returns the upload's id.
func (p UploadVerified) EventSubject() string { return p.Upload.String() }

// UploadRejected says that a file is not what it should be.
type UploadRejected struct {
	Upload api.ID `json:"upload"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// EventType is maas.upload.rejected.v1.
func (UploadRejected) EventType() Type { return "maas.upload.rejected.v1" }

// EventSubject returns the upload's id.
func (p UploadRejected) EventSubject() string { return p.Upload.String() }
