# The owner's password is set when the server starts: a raised revision writes the Secret, and has the server start again.
mock_provider "kubernetes" {}

variables {
  namespace      = "maas-stores"
  image          = "registry.example.com/postgres@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  owner_password = "an-owner-password-of-a-test"
  volume         = { storage_class = "gp3" }
}

run "second" {
  command = plan
  variables {
    owner_revision = 2
  }

  assert {
    condition     = kubernetes_secret_v1.this.data_wo_revision == 2 && kubernetes_manifest.server.manifest.spec.template.metadata.annotations["maas.dev/revision"] == "2"
    error_message = "The server would not know the new password."
  }
}
