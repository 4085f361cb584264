// Package podidentitytest gives tests a node's agent of EKS Pod Identity.
package podidentitytest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/17882237881/MaaS/shared/mounttest"
)

// Agent gives a pod the credentials of its role. Change what it gives before it is asked.
type Agent struct {
	ID, Secret, Session string
	Life                time.Duration // of each answer
	Handler             http.Handler  // answers in the agent's place, where it is set
	Asked               atomic.Int64

	address string
	mount   *mounttest.Mount
}

// New starts an agent that accepts the token "one". It is stopped when the test ends.
func New(t testing.TB) *Agent {
	t.Helper()
	a := &Agent{ID: "id", Secret: "secret", Session: "session", Life: 6 * time.Hour, mount: mounttest.New(t, map[string]string{"token": "one"})}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.address = server.URL
	return a
}

// Variables adds the variables that EKS sets in a pod to vars, and returns it. They name the agent and the token's file.
func (a *Agent) Variables(vars map[string]string) map[string]string {
	vars["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = a.address
	vars["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = a.mount.Path("token")
	return vars
}

// Know replaces the mounted token, by which the pod asks from then on.
func (a *Agent) Know(token string) { a.mount.Replace(map[string]string{"token": token}) }

// ServeHTTP implements http.Handler.
func (a *Agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.Asked.Add(1)
	if a.Handler != nil {
		a.Handler.ServeHTTP(w, r)
		return
	}
	session := a.Session
	if session != "" {
		session += " of " + r.Header.Get("Authorization")
	}
	_ = json.NewEncoder(w).Encode(map[string]any{ // a caller that is gone is its own business
		"AccessKeyId": a.ID, "SecretAccessKey": a.Secret, "Token": session, "Expiration": time.Now().Add(a.Life), "AccountId": "123456789012",
	})
}
