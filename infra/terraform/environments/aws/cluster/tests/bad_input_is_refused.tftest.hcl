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

run "images_that_were_not_built" {
  command = plan

  variables {
    images = "tests/none"
  }
  expect_failures = [var.images]
}

run "images_that_lack_the_migration" {
  command = plan

  variables {
    images = "tests/images-without-migration"
  }
  expect_failures = [var.images]
}

run "a_revision_that_is_none" {
  command = plan

  variables {
    revisions = { database = 0 }
  }
  expect_failures = [var.revisions]
}

run "a_cloud_without_its_cluster" {
  command = plan

  variables {
    cluster = {
      postgres       = { host = "maas.rds.example", port = 5432, database = "maas", owner = "maas_owner", tls = true, ca = "-----BEGIN CERTIFICATE-----" }
      redis          = { host = "master.maas.example", port = 6379, user = "maas", tls = true, iam = { cache = "maas", region = "eu-central-1" } }
      object_storage = { endpoint = "https://s3.eu-central-1.amazonaws.com", public_endpoint = "https://s3.eu-central-1.amazonaws.com", bucket = "maas-files", region = "eu-central-1" }
      kubernetes     = null
    }
  }
  expect_failures = [var.cluster]
}

run "a_store_without_tls" {
  command = plan

  variables {
    cluster = {
      postgres       = { host = "maas.rds.example", port = 5432, database = "maas", owner = "maas_owner", tls = true, ca = "-----BEGIN CERTIFICATE-----" }
      redis          = { host = "master.maas.example", port = 6379, user = "maas", tls = true, iam = { cache = "maas", region = "eu-central-1" } }
      object_storage = { endpoint = "http://s3.example", public_endpoint = "http://s3.example", bucket = "maas-files", region = "eu-central-1" }
      kubernetes     = { name = "production", region = "eu-central-1", endpoint = "https://cluster.example", ca = "LS0t" }
    }
  }
  expect_failures = [var.cluster]
}

run "a_host_that_is_an_example" {
  command = plan

  variables {
    settings = { host = "maas.example.com", postgres = "10.0.240.0/22", redis = "10.0.240.0/22", store = "3.5.136.0/22", api-server = "10.0.0.10/32" }
  }
  expect_failures = [var.settings]
}

run "settings_that_are_left_to_the_example" {
  command = plan

  variables {
    settings = { host = "maas.acme.test" }
  }
  expect_failures = [var.settings]
}

run "proxies_that_are_everybody" {
  command = plan

  variables {
    trusted_proxies = ["127.0.0.0/8", "0.0.0.0/0"]
  }
  expect_failures = [var.trusted_proxies]
}
