# What could not work, or would show a secret, fails before anything is made.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

run "a_secret_among_the_variables" {
  command = plan
  variables {
    config = { S3_SECRET_ACCESS_KEY = "secret" }
  }
  expect_failures = [var.config]
}

run "private_keys_for_all" {
  command = plan
  variables {
    verify_keys = "{\"keys\":[{\"d\":\"private\",\"x\":\"public\"}]}"
  }
  expect_failures = [var.verify_keys]
}

run "a_proxy_that_is_no_network" {
  command = plan
  variables {
    trusted_proxies = ["ingress"]
  }
  expect_failures = [var.trusted_proxies]
}

run "an_image_by_its_tag" {
  command = plan
  variables {
    migrate_image = "registry.example.com/maas:latest"
  }
  expect_failures = [var.migrate_image]
}

run "an_endpoint_without_a_scheme" {
  command = plan
  variables {
    object_storage = { endpoint = "s3.example.com", bucket = "maas", region = "eu-central-1" }
  }
  expect_failures = [var.object_storage]
}

run "a_broker_of_others" {
  command = plan
  variables {
    sink = "http://broker-ingress.knative-eventing.svc.cluster.local/default/default"
  }
  expect_failures = [var.sink]
}

run "a_revision_before_the_first" {
  command = plan
  variables {
    revisions = { login = 0 }
  }
  expect_failures = [var.revisions]
}

run "a_service_key_that_can_be_guessed" {
  command = plan
  variables {
    keys = { service = "secret", signing = "{\"keys\":[{\"d\":\"private\",\"x\":\"public\"}]}" }
  }
  expect_failures = [var.keys]
}

run "an_authority_of_a_cache_without_tls" {
  command = plan
  variables {
    redis = { host = "redis.example.com", port = 6379, user = "maas_a", tls = false, ca = "-----BEGIN CERTIFICATE-----" }
  }
  expect_failures = [var.redis]
}

run "an_authority_of_a_store_without_tls" {
  command = plan
  variables {
    object_storage = { endpoint = "http://s3.example.com", bucket = "maas", region = "eu-central-1", ca = "-----BEGIN CERTIFICATE-----" }
  }
  expect_failures = [var.object_storage]
}
