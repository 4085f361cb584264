# What could not work, or would not be safe, fails before anything is made.
mock_provider "kubernetes" {}

variables {
  namespace                = "maas-stores"
  image                    = "registry.example.com/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  secret_access_key        = "a-secret-access-key-of-a-test-of-it"
  reader_secret_access_key = "a-secret-access-key-of-its-reader"
  volume                   = { storage_class = "gp3" }
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
    image = "registry.example.com/maas:latest"
  }
  expect_failures = [var.image]
}

run "a_bucket_with_capitals" {
  command = plan
  variables {
    bucket = "MaaS"
  }
  expect_failures = [var.bucket]
}

run "a_port_that_no_node_has" {
  command = plan
  variables {
    public = { host = "maas.local", port = 80 }
  }
  expect_failures = [var.public]
}

run "a_key_that_can_be_guessed" {
  command = plan
  variables {
    secret_access_key = "secret"
  }
  expect_failures = [var.secret_access_key]
}

run "a_reader_who_can_sign_as_who_writes" {
  command = plan
  variables {
    reader_secret_access_key = "a-secret-access-key-of-a-test-of-it"
  }
  expect_failures = [var.reader_secret_access_key]
}
