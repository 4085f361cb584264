# The network lets in the pods whose labels say that they need it.
mock_provider "kubernetes" {}

variables {
  namespace                = "maas-stores"
  image                    = "registry.example.com/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  secret_access_key        = "a-secret-access-key-of-a-test-of-it"
  reader_secret_access_key = "a-secret-access-key-of-its-reader"
  volume                   = { storage_class = "gp3" }
}

run "policy" {
  command = plan

  assert {
    condition     = contains(module.policy.clients, { namespace = "maas", labels = tomap({ "needs.maas.dev/store" = "" }) })
    error_message = "Functions that need it are not let in."
  }
  assert {
    condition     = alltrue([for client in module.policy.clients : length(client.labels) > 0])
    error_message = "All pods of a namespace are let in."
  }
}
