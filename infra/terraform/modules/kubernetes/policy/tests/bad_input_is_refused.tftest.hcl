# A policy that lets in more than it seems to fails before anything is made.
mock_provider "kubernetes" {}

variables {
  namespace = "maas-stores"
  name      = "redis"
  labels    = { "app.kubernetes.io/name" = "redis" }
  port      = "redis"
  clients   = [{ namespace = "maas", labels = { "needs.maas.dev/redis" = "" } }]
}

run "nobody_in_particular" {
  command = plan
  variables {
    clients = [{ namespace = "maas", labels = {} }]
  }
  expect_failures = [var.clients]
}

run "every_pod" {
  command = plan
  variables {
    labels = {}
  }
  expect_failures = [var.labels]
}
