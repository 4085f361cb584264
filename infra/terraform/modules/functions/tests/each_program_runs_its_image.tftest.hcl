# What runs is the image that was given for it, by its digest.
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
    condition = alltrue([
      for name, function in kubernetes_manifest.functions :
      function.manifest.spec.template.spec.containers[0].image == var.images["ko://github.com/17882237881/MaaS/functions/${function.manifest.metadata.name}/cmd/${function.manifest.metadata.name}"]
    ])
    error_message = "A function runs another's image."
  }
  assert {
    condition     = length(kubernetes_manifest.functions) == length(fileset("../../../../knative/base/services", "*.yaml"))
    error_message = "A function is missing."
  }
}
