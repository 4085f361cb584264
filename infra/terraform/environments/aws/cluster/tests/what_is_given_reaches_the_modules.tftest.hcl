mock_provider "kubernetes" {}

override_module {
  target  = module.binding
  outputs = { done = "done" }
}

override_module {
  target  = module.functions
  outputs = { host = "maas.acme.test", functions = ["login"] }
}

variables {
  cluster = {
    postgres       = { host = "maas.rds.example", port = 5432, database = "maas", owner = "maas_owner", tls = true, ca = "-----BEGIN CERTIFICATE-----" }
    redis          = { host = "master.maas.example", port = 6379, user = "maas", tls = true, iam = { cache = "maas", region = "eu-central-1" } }
    object_storage = { endpoint = "https://s3.eu-central-1.amazonaws.com", public_endpoint = "https://s3.eu-central-1.amazonaws.com", bucket = "maas-files", region = "eu-central-1" }
    kubernetes     = { name = "production", region = "eu-central-1", endpoint = "https://cluster.example", ca = "LS0t" }
  }
  images          = "tests/images"
  settings        = { host = "maas.acme.test", postgres = "10.0.240.0/22", redis = "10.0.240.0/22", store = "3.5.136.0/22", api-server = "10.0.0.10/32" }
  trusted_proxies = ["127.0.0.0/8", "::1", "10.0.0.0/17"]
  owner_password  = "correct-horse-battery"
  login_password  = "correct-horse-battery-staple"
  keys            = { service = "0123456789012345678901234567890123456789", signing = "{\"keys\":[{\"d\":\"private\"}]}" }
  verify_keys     = "{\"keys\":[{\"x\":\"public\"}]}"
}

run "each_image_by_its_name" {
  command = plan

  assert {
    condition     = local.images[local.migrate] == "registry.example/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" && length(local.images) == 2
    error_message = "An image is given by another name than make images prints."
  }
}
