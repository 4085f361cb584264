# Each program runs the image that was given for it.
mock_provider "kubernetes" {
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
}

run "local" {
  command = plan
  variables {
    overlay = "local"
    binding = "done"
    images  = { for program in toset(regexall("ko://[^\"]+", file("manifests/local.yaml.tftpl"))) : program => "registry.example.com/${basename(program)}@sha256:${sha256(program)}" }
  }
  assert {
    condition     = kubernetes_manifest.functions["Service/login"].manifest.spec.template.spec.containers[0].image == "registry.example.com/login@sha256:${sha256("ko://github.com/17882237881/MaaS/functions/login/cmd/login")}"
    error_message = "login runs another image than the one that was given for it."
  }
}
