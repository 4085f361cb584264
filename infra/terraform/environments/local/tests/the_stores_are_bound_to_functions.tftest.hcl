# Functions are told of the stores that are made here, and of nothing else.
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

run "plan" {
  command = plan

  assert {
    condition     = module.postgres.host == "postgres.maas-stores.svc.cluster.local" && module.redis.host == "redis.maas-stores.svc.cluster.local" && module.object_storage.endpoint == "http://object-storage.maas-stores.svc.cluster.local:9000"
    error_message = "A store is elsewhere."
  }
  assert {
    condition     = output.address == "http://maas.local:30080" && module.object_storage.public_endpoint == "http://192.0.2.1:30090"
    error_message = "Clients are sent elsewhere."
  }
  assert {
    condition     = module.binding.login == "maas_login_a"
    error_message = "The first login is not the first."
  }
}
