# The network lets in the pods whose labels say that they need it.
mock_provider "kubernetes" {}

variables {
  namespace = "maas-stores"
  image     = "registry.example.com/redis@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  password  = "a-password-of-redis-of-a-test"
}

run "policy" {
  command = plan

  assert {
    condition     = contains(module.policy.clients, { namespace = "maas", labels = tomap({ "needs.maas.dev/redis" = "" }) })
    error_message = "Functions that need it are not let in."
  }
  assert {
    condition     = alltrue([for client in module.policy.clients : length(client.labels) > 0])
    error_message = "All pods of a namespace are let in."
  }
}
