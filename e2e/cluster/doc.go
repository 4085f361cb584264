// Package cluster has the tests of what only a cluster can show: scale from zero and back, rollouts, pods and brokers that are killed, events
// that are forged or that nobody takes, models whose bytes were changed. The journeys run against a cluster too; they are in package journeys.
//
// The tests have the build tag cluster, since they need one: KUBECONFIG names it, and MAAS_SERVER is MaaS's address there. They look into the
// cluster by kubectl, and into the stores with the credentials that the functions have. What they deploy is in a namespace of their own,
// maas-e2e, which goes with them. `make test ON=cluster` runs them, and the journeys; ../figures measures.
package cluster
