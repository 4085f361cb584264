# All that make deploy applies is there, but for the namespaces, which are the binding's.
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

run "local" {
  command = plan

  assert {
    condition     = length(kubernetes_manifest.grounds) + length(kubernetes_manifest.functions) + length(kubernetes_manifest.ways) + 2 == length(regexall("(?m)^kind: ", file("manifests/local.yaml.tftpl")))
    error_message = "A manifest is left out."
  }
  assert {
    condition     = alltrue([for way in kubernetes_manifest.ways : contains(["Broker", "Trigger", "PingSource", "ApiServerSource", "HTTPRoute"], way.manifest.kind)])
    error_message = "Something else leads to functions."
  }
}
