# A cluster of one node with all that MaaS runs on, and nothing of MaaS in it.

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
