# A raised revision is another role, so that functions that still have the former password are let in.
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

run "first" {
  command = plan

  assert {
    condition     = output.login == "maas_login_a"
    error_message = "The first login is not a."
  }
}

run "second" {
  command = plan
  variables {
    revisions = { login = 2 }
  }

  assert {
    condition     = output.login == "maas_login_b"
    error_message = "The second login is not b."
  }
  assert {
    condition     = kubernetes_secret_v1.database.data_wo_revision != run.first.written["maas-database"] && kubernetes_secret_v1.this["maas-database-owner"].data_wo_revision != run.first.written["maas-database-owner"]
    error_message = "The migration or the functions are not told of the new login."
  }
  assert {
    condition     = kubernetes_secret_v1.this["maas-redis"].data_wo_revision == run.first.written["maas-redis"]
    error_message = "Another secret is written, too."
  }
}
