# What exists already, and is not this state's, is neither taken over nor changed.
mock_provider "kubernetes" {}

variables {
  name   = "maas"
  labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
}

run "without_a_mark" {
  command = plan

  override_data {
    target = data.kubernetes_resources.there
    values = { objects = [{ metadata = { name = "maas", labels = { "kubernetes.io/metadata.name" = "maas" } } }] }
  }

  expect_failures = [kubernetes_namespace_v1.this]
}

run "of_another_state" {
  override_data {
    target = data.kubernetes_resources.there
    values = { objects = [{ metadata = { name = "maas", labels = { "maas.dev/terraform" = "0b0b0b0b-0000-0000-0000-000000000000" } } }] }
  }

  expect_failures = [kubernetes_namespace_v1.this]
}

run "none" {
  command = plan

  override_data {
    target = data.kubernetes_resources.there
    values = { objects = [] }
  }

  assert {
    condition     = output.name == "maas"
    error_message = "A namespace that is not there is not made."
  }
}
