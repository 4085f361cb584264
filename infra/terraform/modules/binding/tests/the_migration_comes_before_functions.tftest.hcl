# The Job is that of knative/migrate, with the image that was given, and stays when it is done.
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

run "job" {
  command = plan

  assert {
    condition     = alltrue([for job in kubernetes_manifest.migrate : job.manifest.spec.template.spec.containers[0].image == var.migrate_image && job.manifest.metadata.namespace == "maas"])
    error_message = "The Job runs something else, or elsewhere."
  }
  assert {
    condition     = alltrue([for job in kubernetes_manifest.migrate : !can(job.manifest.spec.ttlSecondsAfterFinished)])
    error_message = "The Job ends by itself, so that the next apply would make it again."
  }
}

run "once_more" {
  command = plan
  variables {
    revisions = { login = 2 }
  }

  assert {
    condition     = output.migration != run.job.migration
    error_message = "Nothing makes the second login good."
  }
}
