# What the cluster would refuse, or let pods run as root in, fails before anything is made.
mock_provider "kubernetes" {
  override_data {
    target = data.kubernetes_resources.there
    values = { objects = [] }
  }
}

variables {
  name   = "maas"
  labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
}

run "a_name_with_capitals" {
  command = plan
  variables {
    name = "MaaS"
  }
  expect_failures = [var.name]
}

run "no_pod_security" {
  command = plan
  variables {
    labels = {}
  }
  expect_failures = [var.labels]
}
