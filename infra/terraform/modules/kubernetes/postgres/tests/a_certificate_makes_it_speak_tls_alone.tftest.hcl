# With a certificate no connection comes in without TLS.
mock_provider "kubernetes" {}

variables {
  namespace      = "maas-stores"
  image          = "registry.example.com/postgres@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  owner_password = "an-owner-password-of-a-test"
  volume         = { storage_class = "gp3" }
}

run "tls" {
  command = plan
  variables {
    tls     = { certificate = "-----BEGIN CERTIFICATE-----\n", ca = "-----BEGIN CERTIFICATE-----\n" }
    tls_key = "a key"
  }

  assert {
    condition     = strcontains(kubernetes_config_map_v1.this.data["pg_hba.conf"], "hostssl maas all all scram-sha-256") && !strcontains(kubernetes_config_map_v1.this.data["pg_hba.conf"], "host maas")
    error_message = "Connections without TLS are let in."
  }
  assert {
    condition     = contains(kubernetes_manifest.server.manifest.spec.template.spec.containers[0].args, "ssl=on")
    error_message = "The server does not speak TLS."
  }
  assert {
    condition     = output.tls && output.ca != null
    error_message = "The binding is not told."
  }
}
