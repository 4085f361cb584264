package cloudevent

import (
	"github.com/17882237881/MaaS/api/event"
)

// The functions that consume events.
const (
	VerifyUpload  Consumer = "verify-upload"
	DeployVersion Consumer = "deploy-version"
	MeterUsage    Consumer = "meter-usage" // not through the broker: infer posts to it
)

// Consumers returns, for each event type, the functions that consume it. A type without consumers is for webhooks only.
// Knative's Triggers, the broker of `maas up` and the outbox are derived from it.
func Consumers() map[event.Type][]Consumer {
	return map[event.Type][]Consumer{
		event.UploadCompleted{}.EventType():   {VerifyUpload},
		event.UploadVerifying{}.EventType():   {VerifyUpload},
		event.UploadVerified{}.EventType():    nil,
		event.UploadRejected{}.EventType():    nil,
		event.VersionPublished{}.EventType():  {DeployVersion},
		event.VersionDeprecated{}.EventType(): {DeployVersion},
		event.VersionRetired{}.EventType():    {DeployVersion},
		event.DeploymentWanted{}.EventType():  {DeployVersion},
		event.ModelDeleted{}.EventType():      {DeployVersion, VerifyUpload},
		event.DeploymentReady{}.EventType():   nil,
		event.DeploymentFailed{}.EventType():  nil,
		event.AliasMoved{}.EventType():        nil,
	}
}
