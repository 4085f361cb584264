# What could not work, or would not be safe, fails before anything is made.
mock_provider "kubernetes" {}

variables {
  namespace      = "maas-stores"
  image          = "registry.example.com/postgres@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  owner_password = "an-owner-password-of-a-test"
  volume         = { storage_class = "gp3" }
}

run "a_size_that_there_is_not" {
  command = plan
  variables {
    size = "tiny"
  }
  expect_failures = [var.size]
}

run "an_image_by_its_tag" {
  command = plan
  variables {
    image = "postgres:16"
  }
  expect_failures = [var.image]
}

run "root" {
  command = plan
  variables {
    user = 0
  }
  expect_failures = [var.user]
}

run "a_password_that_a_statement_would_end_with" {
  command = plan
  variables {
    owner_password = "it's-a-password-with-a-quote"
  }
  expect_failures = [var.owner_password]
}

run "no_storage" {
  command = plan
  variables {
    storage_gib = 0
  }
  expect_failures = [var.storage_gib]
}

run "a_certificate_that_is_none" {
  command = plan
  variables {
    tls     = { certificate = "no", ca = "no" }
    tls_key = "no"
  }
  expect_failures = [var.tls]
}
