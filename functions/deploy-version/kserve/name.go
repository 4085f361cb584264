package kserve

import (
	"encoding/json"
	"path"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/uuid"
	"github.com/kserve/kserve/pkg/constants"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	prefix     = "v-"
	uuidLength = 36 // of its text
)

// name returns the name of a version's InferenceService.
func name(version uuid.UUID) string { return prefix + version.String() }

// versionOf returns the version whose InferenceService has the name, or of whose service it is a Knative revision. ok is false for any other name.
func versionOf(name string) (version uuid.UUID, ok bool) {
	id, ok := strings.CutPrefix(name, prefix)
	if !ok || len(id) < uuidLength {
		return version, false
	}
	version, err := uuid.Parse(id[:uuidLength])
	return version, err == nil
}

// Changed returns the version that an event of an ApiServerSource is about: of its InferenceService or one of its revisions, or, where the event
// brings the object with it (mode Resource), of one of its pods, whose names do not tell.
func Changed(ce cloudevents.Event) (version uuid.UUID, ok bool) {
	if version, ok = versionOf(path.Base(ce.Subject())); ok {
		return version, true
	}
	var object metav1.PartialObjectMetadata
	if err := json.Unmarshal(ce.Data(), &object); err != nil {
		return version, false
	}
	return versionOf(object.Labels[constants.InferenceServicePodLabelKey])
}
