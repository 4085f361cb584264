# Over the network everyone shows a password, by SCRAM; trust is for the socket, which nobody but the server's own pod has.
mock_provider "kubernetes" {}

variables {
  namespace      = "maas-stores"
  image          = "registry.example.com/postgres@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  owner_password = "an-owner-password-of-a-test"
  volume         = { storage_class = "gp3" }
}

run "rules" {
  command = plan

  assert {
    condition     = kubernetes_config_map_v1.this.data["pg_hba.conf"] == "local all all trust\nhost maas all all scram-sha-256\n"
    error_message = "Somebody comes otherwise."
  }
}
