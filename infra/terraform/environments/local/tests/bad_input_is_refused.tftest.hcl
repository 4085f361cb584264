# What is missing is named before anything is made, with the command that makes it.
mock_provider "kubernetes" {
  override_data {
    target = module.functions.data.kubernetes_resources.apis
    values = {
      objects = [
        { metadata = { name = "v1.serving.knative.dev" } },
        { metadata = { name = "v1.eventing.knative.dev" } },
        { metadata = { name = "v1.sources.knative.dev" } },
        { metadata = { name = "v1beta1.serving.kserve.io" } },
        { metadata = { name = "v1.gateway.networking.k8s.io" } },
      ]
    }
  }
  override_data {
    target = data.kubernetes_nodes.there
    values = {
      nodes = [{
        metadata = [{ name = "node-1" }]
        status   = [{ addresses = [{ type = "InternalIP", address = "192.0.2.1" }] }]
      }]
    }
  }
  override_data {
    target = module.namespace.data.kubernetes_resources.there
    values = { objects = [] }
  }
  override_data {
    target = module.binding.module.namespace["maas"].data.kubernetes_resources.there
    values = { objects = [] }
  }
  override_data {
    target = module.binding.module.namespace["maas-models"].data.kubernetes_resources.there
    values = { objects = [] }
  }
}

variables {
  kubeconfig = "tests/fixture/kubeconfig"
  images     = "tests/fixture/images"
  keys       = "tests/fixture"
}

run "no_kubeconfig" {
  command = plan
  variables {
    kubeconfig = "tests/fixture/none"
  }
  expect_failures = [var.kubeconfig]
}

run "no_keys" {
  command = plan
  variables {
    keys = "tests"
  }
  expect_failures = [var.keys]
}

run "images_without_the_stores" {
  command = plan
  variables {
    images = "tests/fixture/service.key"
  }
  expect_failures = [var.images]
}

run "a_folder_that_is_the_machines" {
  command = plan
  variables {
    node = { folder = "/var" }
  }
  expect_failures = [var.node]
}
