package event

import (
	"github.com/17882237881/MaaS/api"
)

// DeploymentWanted says that someone calls a version that does not run.
type DeploymentWanted struct {
	Version   string `json:"version"`
	VersionID api.ID `json:"version_id"`
}

// EventType is maas.deployment.wanted.v1.
func (DeploymentWanted) EventType() Type { return "maas.deployment.wanted.v1" }

// EventSubject returns the version.
func (p DeploymentWanted) EventSubject() string { return p.Version }

// DeploymentReady says that a version answers.
type DeploymentReady struct {
	Version   string          `json:"version"`
	VersionID api.ID          `json:"version_id"`
	Endpoint  string          `json:"endpoint"`
	Phases    api.StartPhases `json:"phases"`
}

// EventType is maas.deployment.ready.v1.
func (DeploymentReady) EventType() Type { return "maas.deployment.ready.v1" }

// EventSubject returns the version.
func (p DeploymentReady) EventSubject() string { return p.Version }

// DeploymentFailed says that a version cannot start, in words for its publisher.
type DeploymentFailed struct {
	Version   string `json:"version"`
	VersionID api.ID `json:"version_id"`
	Reason    string `json:"reason"`
}

// EventType is maas.deployment.failed.v1.
func (DeploymentFailed) EventType() Type { return "maas.deployment.failed.v1" }

// EventSubject returns the version.
func (p DeploymentFailed) EventSubject() string { return p.Version }
