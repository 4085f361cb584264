# A volume that is nowhere, or at two places, fails before anything is made.
mock_provider "kubernetes" {}

variables {
  namespace   = "maas-stores"
  name        = "postgres"
  storage_gib = 5
}

run "nowhere" {
  command = plan
  variables {
    volume = {}
  }
  expect_failures = [var.volume]
}

run "at_two_places" {
  command = plan
  variables {
    volume = { storage_class = "gp3", node = { name = "node-1", path = "/var/lib/maas" } }
  }
  expect_failures = [var.volume]
}

run "a_path_that_is_relative" {
  command = plan
  variables {
    volume = { node = { name = "node-1", path = "maas" } }
  }
  expect_failures = [var.volume]
}
