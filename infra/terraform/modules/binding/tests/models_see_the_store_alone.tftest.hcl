# What runs in maas-models is the tenants': of what functions are given it sees where the store is, with credentials of its own.
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

run "models" {
  command = plan
  variables {
    config = { MAAS_LOG_LEVEL = "debug", S3_PROFILE = "s3" }
  }

  assert {
    condition     = alltrue([for name in keys(kubernetes_config_map_v1.models.data) : startswith(name, "S3_")]) && kubernetes_config_map_v1.models.data["S3_PROFILE"] == "s3"
    error_message = "Models are told of more than the store."
  }
  assert {
    condition     = alltrue([for secret in kubernetes_secret_v1.this : secret.metadata[0].namespace != "maas-models"]) && kubernetes_secret_v1.models_store[0].metadata[0].name == "maas-store"
    error_message = "A Secret of functions is where models run."
  }
}
