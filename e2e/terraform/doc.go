// Package terraform has the test of infra/terraform/environments/local: a whole installation, from an empty cluster with Knative and back.
//
// It has the build tag terraform, since it needs such a cluster, of one node that is this machine: KUBECONFIG names it, and nothing of MaaS
// is in it (`make undeploy`, and no namespaces maas and maas-models). It needs terraform with its providers, and root, as the cluster does.
// TestAnInstallationComesAndGoes is one story, whose parts follow each other.
package terraform
