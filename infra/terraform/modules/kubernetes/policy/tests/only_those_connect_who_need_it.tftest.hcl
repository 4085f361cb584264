# The network lets in the pods whose labels say that they need it, and the store itself out nowhere.
mock_provider "kubernetes" {}

variables {
  namespace = "maas-stores"
  name      = "redis"
  labels    = { "app.kubernetes.io/name" = "redis" }
  port      = "redis"
  clients   = [{ namespace = "maas", labels = { "needs.maas.dev/redis" = "" } }]
}

run "policy" {
  command = plan

  assert {
    condition     = [for from in kubernetes_network_policy_v1.this.spec[0].ingress[0].from : from.pod_selector[0].match_labels] == [tomap({ "needs.maas.dev/redis" = "" })]
    error_message = "Others than those who need it are let in."
  }
  assert {
    condition     = alltrue([for from in kubernetes_network_policy_v1.this.spec[0].ingress[0].from : length(from.namespace_selector) == 1])
    error_message = "Pods of any namespace are let in."
  }
  assert {
    condition     = toset(kubernetes_network_policy_v1.this.spec[0].policy_types) == toset(["Ingress", "Egress"]) && length(kubernetes_network_policy_v1.this.spec[0].egress) == 0
    error_message = "The store may go out."
  }
}

run "with_clients_outside" {
  command = plan
  variables {
    outside = true
  }

  assert {
    condition     = length(kubernetes_network_policy_v1.this.spec[0].ingress[0].from) == 0 && kubernetes_network_policy_v1.this.spec[0].ingress[0].ports[0].port == "redis"
    error_message = "Clients are not let in, or to more than the store's port."
  }
}
