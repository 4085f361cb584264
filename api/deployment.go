package api

import (
	"slices"
	"time"
)

// StartPhases tells how long the parts of a start took, in milliseconds.
type StartPhases struct {
	Schedule int64 `json:"schedule_ms"`
	Fetch    int64 `json:"fetch_ms"`
	Load     int64 `json:"load_ms"`
}

// Deployment is the state of a version's model server.
type Deployment struct {
	Status   DeploymentStatus `json:"status"`
	Reason   string           `json:"reason,omitempty"`  // why the last start failed, or what it waits for
	Failure  FailureKind      `json:"failure,omitempty"` // of the last start
	Attempts int              `json:"attempts"`          // starts that failed since it last answered or was asked for
	RetryAt  *time.Time       `json:"retry_at,omitempty"`
	Phases   StartPhases      `json:"phases"`
}

// DeploymentStatus is how far a deployment is: pending → starting → ready ⇄ idle, → failed, → removed. What failed, went or lost its host
// starts anew from pending.
type DeploymentStatus string

// The statuses.
const (
	DeploymentNone     DeploymentStatus = "none"     // there is no row: nobody has asked for it
	DeploymentPending  DeploymentStatus = "pending"  // waits for a host
	DeploymentStarting DeploymentStatus = "starting" // its files are fetched, its server starts
	DeploymentReady    DeploymentStatus = "ready"    // answers
	DeploymentIdle     DeploymentStatus = "idle"     // scaled to zero; the next call starts it
	DeploymentFailed   DeploymentStatus = "failed"   // cannot start, and is not tried again unless it is asked for
	DeploymentRemoved  DeploymentStatus = "removed"  // runs no more, and is not to
)

// Serves reports whether calls can be sent to the endpoint.
func (s DeploymentStatus) Serves() bool { return s == DeploymentReady || s == DeploymentIdle }

// deploymentSteps has the statuses that may follow each. A trigger of the database has them too.
var deploymentSteps = map[DeploymentStatus][]DeploymentStatus{
	DeploymentNone:     {DeploymentPending},
	DeploymentPending:  {DeploymentStarting, DeploymentFailed, DeploymentRemoved},
	DeploymentStarting: {DeploymentReady, DeploymentFailed, DeploymentRemoved, DeploymentPending},
	DeploymentReady:    {DeploymentIdle, DeploymentFailed, DeploymentRemoved, DeploymentPending},
	DeploymentIdle:     {DeploymentReady, DeploymentFailed, DeploymentRemoved, DeploymentPending},
	DeploymentFailed:   {DeploymentRemoved, DeploymentPending},
	DeploymentRemoved:  {DeploymentPending},
}

// DeploymentStatuses lists the statuses.
func DeploymentStatuses() []DeploymentStatus {
	return []DeploymentStatus{DeploymentNone, DeploymentPending, DeploymentStarting, DeploymentReady, DeploymentIdle, DeploymentFailed, DeploymentRemoved}
}

// CanBecome reports whether next may follow s.
func (s DeploymentStatus) CanBecome(next DeploymentStatus) bool {
	return slices.Contains(deploymentSteps[s], next)
}

// FailureKind says whether a start that failed may yet succeed.
type FailureKind string

// The kinds.
const (
	FailureNone    FailureKind = ""        // the last start did not fail
	FailurePassing FailureKind = "passing" // it is tried again by itself: the status is starting
	FailureLasting FailureKind = "lasting" // it is not tried again: the status is failed
)
