// Package kserve is the deployment.Host of a cluster: each version is an InferenceService, for which KServe makes pods. The host has no state
// of its own. It compares the desired state with the InferenceService and its pods and reports the difference. Events trigger it; it does not
// poll.
package kserve
