# Whatever a function's pods still use goes after them.
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
    condition     = alltrue([for function in kubernetes_manifest.functions : function.manifest.metadata.finalizers == ["foregroundDeletion"]])
    error_message = "A function is gone while it has pods."
  }
  assert {
    condition     = alltrue([for function in kubernetes_manifest.functions : function.manifest.metadata.namespace == "maas"])
    error_message = "A function has lost its namespace."
  }
}
