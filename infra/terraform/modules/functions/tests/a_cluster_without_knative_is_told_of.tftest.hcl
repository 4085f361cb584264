# What functions run on is looked for before anything is made.
mock_provider "kubernetes" {
  override_data {
    target = data.kubernetes_resources.apis
    values = { objects = [{ metadata = { name = "v1." } }, { metadata = { name = "v1.apps" } }] }
  }
}

variables {
  overlay = "local"
  binding = "done"
  images = {
    for program in toset(regexall("ko://[^\"]+", file("manifests/local.yaml.tftpl"))) :
    program => "registry.example.com/${basename(program)}@sha256:${sha256(program)}"
  }
}

run "bare" {
  command         = plan
  expect_failures = [terraform_data.platform]
}
