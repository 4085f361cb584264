# The objects are those of docs/operations.md ("What must be there first"), by name and place.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

run "objects" {
  command = plan

  assert {
    condition     = alltrue([for name, secret in kubernetes_secret_v1.this : secret.metadata[0].namespace == "maas"]) && toset(keys(kubernetes_secret_v1.this)) == toset(["maas-database-owner", "maas-redis", "maas-service-key", "maas-signing-keys", "maas-store"])
    error_message = "The Secrets of maas are others."
  }
  assert {
    condition     = kubernetes_secret_v1.database.metadata[0].name == "maas-database" && kubernetes_secret_v1.database.metadata[0].namespace == "maas"
    error_message = "Functions do not find the database."
  }
  assert {
    condition     = kubernetes_config_map_v1.functions.data["S3_BUCKET"] == "maas" && kubernetes_config_map_v1.functions.data["K_SINK"] != null && kubernetes_config_map_v1.functions.data["MAAS_TRUSTED_PROXIES"] == "127.0.0.0/8"
    error_message = "maas-config lacks a variable."
  }
  assert {
    condition     = kubernetes_config_map_v1.verify_keys.data["verify.json"] == var.verify_keys
    error_message = "The public part of the signing keys is another."
  }
}
