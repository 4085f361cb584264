# Each size asks for more than the one before, and nothing else of the server changes with it.
mock_provider "kubernetes" {}

variables {
  namespace                = "maas-stores"
  image                    = "registry.example.com/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  secret_access_key        = "a-secret-access-key-of-a-test-of-it"
  reader_secret_access_key = "a-secret-access-key-of-its-reader"
  volume                   = { storage_class = "gp3" }
}

run "small" {
  command = plan
}

run "medium" {
  command = plan
  variables {
    size = "medium"
  }

  assert {
    condition     = kubernetes_manifest.server.manifest.spec.template.spec.containers[0].resources.limits.memory != "512Mi"
    error_message = "medium takes what small does."
  }
  assert {
    condition     = output.endpoint == run.small.endpoint
    error_message = "A size is another server."
  }
}
