# A cluster with all that functions run on.

override_data {
  target = data.kubernetes_resources.apis
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
