# A setting that is not given is the overlay's own.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

variables {
  overlay = "local"
  binding = "done"
  images = {
    for program in toset(regexall("ko://[^\"]+", file("manifests/local.yaml.tftpl"))) :
    program => "registry.example.com/${basename(program)}@sha256:${sha256(program)}"
  }
}

run "the_overlays" {
  command = plan

  assert {
    condition     = kubernetes_manifest.grounds["Gateway/maas"].manifest.spec.listeners[0].hostname == "maas.local" && kubernetes_manifest.grounds["Gateway/maas"].manifest.spec.listeners[0].port == 30080
    error_message = "The Gateway is not the overlay's."
  }
}

run "given" {
  command = plan
  variables {
    settings = { host = "maas.example.com", gateway-port = "80" }
  }

  assert {
    condition     = kubernetes_manifest.grounds["Gateway/maas"].manifest.spec.listeners[0].hostname == "maas.example.com" && kubernetes_manifest.grounds["Gateway/maas"].manifest.spec.listeners[0].port == 80
    error_message = "The Gateway is not what was given."
  }
  assert {
    condition     = output.host == "maas.example.com"
    error_message = "The host is not told."
  }
}
