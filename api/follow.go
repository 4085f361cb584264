package api

import (
	"github.com/17882237881/MaaS/api/ref"
)

// ChangeKind says how an upload has changed.
type ChangeKind string

// The kinds of changes.
const (
	ChangeProgress ChangeKind = "progress" // more bytes received or hashed
	ChangePhase    ChangeKind = "phase"    // another phase begins
	ChangeDone     ChangeKind = "done"     // it is ready
	ChangeFailed   ChangeKind = "failed"   // it ended otherwise
	ChangeNone     ChangeKind = ""         // nothing has changed for a while: a sign of life
)

// UploadState is how an upload stands, as those who follow it are told.
type UploadState struct {
	ID       ID             `json:"id"`
	Model    ref.Model      `json:"model"`
	Version  ref.Version    `json:"version"`
	Path     ref.Path       `json:"path"`
	Size     int64          `json:"size"`
	Received int64          `json:"received_bytes"`
	Status   UploadStatus   `json:"status"`
	Phase    UploadPhase    `json:"phase"`
	Progress float64        `json:"phase_progress"`
	Error    *UploadProblem `json:"error,omitempty"`
	SHA256   ref.Digest     `json:"sha256,omitzero"`
}

// UploadChange is a state of an upload that differs from the one before. After identifies it, for a client that comes again.
type UploadChange struct {
	Kind  ChangeKind
	After string
	State UploadState
}
