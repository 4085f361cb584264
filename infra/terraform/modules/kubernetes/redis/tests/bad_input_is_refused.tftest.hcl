# What could not work, or would not be safe, fails before anything is made.
mock_provider "kubernetes" {}

variables {
  namespace = "maas-stores"
  image     = "registry.example.com/redis@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  password  = "a-password-of-redis-of-a-test"
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
    image = "redis:7"
  }
  expect_failures = [var.image]
}

run "a_password_that_can_be_guessed" {
  command = plan
  variables {
    password = "secret"
  }
  expect_failures = [var.password]
}

run "a_revision_before_the_first" {
  command = plan
  variables {
    revision = 0
  }
  expect_failures = [var.revision]
}
