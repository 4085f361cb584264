# The network lets in the pods whose labels say that they need it.
mock_provider "kubernetes" {}

variables {
  namespace      = "maas-stores"
  image          = "registry.example.com/postgres@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  owner_password = "an-owner-password-of-a-test"
  volume         = { storage_class = "gp3" }
}

run "policy" {
  command = plan

  assert {
    condition     = contains(module.policy.clients, { namespace = "maas", labels = tomap({ "needs.maas.dev/postgres" = "" }) })
    error_message = "Functions that need it are not let in."
  }
  assert {
    condition     = alltrue([for client in module.policy.clients : length(client.labels) > 0])
    error_message = "All pods of a namespace are let in."
  }
}
