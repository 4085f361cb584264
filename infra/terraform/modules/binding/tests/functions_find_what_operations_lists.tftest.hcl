# The objects are those of docs/operations.md ("What must be there first"), by name and place.
mock_provider "kubernetes" {
  override_data {
    target = module.namespace["maas"].data.kubernetes_resources.there
    values = { objects = [] }
  }
  override_data {
    target = module.namespace["maas-models"].data.kubernetes_resources.there
    values = { objects = [] }
  }
}

variables {
  postgres       = { host = "postgres.example.com", port = 5432, database = "maas", owner = "maas_owner" }
  redis          = { host = "redis.example.com", port = 6379, user = "maas_a", tls = true }
  object_storage = { endpoint = "https://s3.example.com", public_endpoint = "https://s3.example.com", bucket = "maas", region = "eu-central-1" }
  owner_password = "an-owner-password-of-a-test"
  login_password = "a-login-password-of-a-test"
  redis_password = "a-password-of-redis-of-a-test"
  store_credentials = {
    functions = { access_key_id = "functions", secret_access_key = "a-secret-access-key-of-functions" }
    models    = { access_key_id = "models", secret_access_key = "a-secret-access-key-of-models" }
  }
  keys            = { service = "a-service-key-of-thirty-two-characters", signing = "{\"keys\":[{\"d\":\"private\",\"x\":\"public\"}]}" }
  verify_keys     = "{\"keys\":[{\"x\":\"public\"}]}"
  trusted_proxies = ["127.0.0.0/8"]
  migrate_image   = "registry.example.com/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
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
