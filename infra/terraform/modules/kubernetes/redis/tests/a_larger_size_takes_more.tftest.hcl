# Each size asks for more than the one before, and nothing else of the server changes with it.
mock_provider "kubernetes" {}

variables {
  namespace = "maas-stores"
  image     = "registry.example.com/redis@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  password  = "a-password-of-redis-of-a-test"
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
    condition     = kubernetes_manifest.server.manifest.spec.template.spec.containers[0].resources.limits.memory != "128Mi"
    error_message = "medium takes what small does."
  }
  assert {
    condition     = output.host == run.small.host
    error_message = "A size is another server."
  }
}
