# The network lets in the pods whose labels say that they need it, and the server itself out nowhere.
mock_provider "kubernetes" {}

variables {
  namespace         = "maas-stores"
  image             = "registry.example.com/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  secret_access_key = "a-secret-access-key-of-a-test-of-it"
  volume            = { storage_class = "gp3" }
}

run "policy" {
  command = plan

  assert {
    condition     = contains([for from in kubernetes_network_policy_v1.this.spec[0].ingress[0].from : from.pod_selector[0].match_labels], tomap({ "needs.maas.dev/store" = "" }))
    error_message = "Functions that need it are not let in."
  }
  assert {
    condition     = alltrue([for from in kubernetes_network_policy_v1.this.spec[0].ingress[0].from : length(from.namespace_selector) == 1 && length(from.pod_selector) == 1])
    error_message = "All pods of a namespace are let in."
  }
  assert {
    condition     = toset(kubernetes_network_policy_v1.this.spec[0].policy_types) == toset(["Ingress", "Egress"]) && length(kubernetes_network_policy_v1.this.spec[0].egress) == 0
    error_message = "The server may go out."
  }
}

run "nobody_in_particular" {
  command = plan
  variables {
    clients = [{ namespace = "maas", labels = {} }]
  }
  expect_failures = [var.clients]
}
