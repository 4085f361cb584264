mock_provider "aws" {
  source = "../mocks"
}

variables {
  name  = "maas"
  zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
}

run "one_zone" {
  command = plan

  variables {
    zones = ["eu-central-1a"]
  }
  expect_failures = [var.zones]
}

run "a_zone_twice" {
  command = plan

  variables {
    zones = ["eu-central-1a", "eu-central-1a"]
  }
  expect_failures = [var.zones]
}

run "regions_for_zones" {
  command = plan

  variables {
    zones = ["eu-central-1", "eu-west-1"]
  }
  expect_failures = [var.zones]
}

run "a_public_network" {
  command = plan

  variables {
    cidr = "8.8.0.0/16"
  }
  expect_failures = [var.cidr]
}

run "a_network_that_is_too_small" {
  command = plan

  variables {
    cidr = "10.0.0.0/24"
  }
  expect_failures = [var.cidr]
}

run "an_address_for_a_network" {
  command = plan

  variables {
    cidr = "10.0.0.1/16"
  }
  expect_failures = [var.cidr]
}

run "no_network" {
  command = plan

  variables {
    cidr = "10.0.0.0"
  }
  expect_failures = [var.cidr]
}

run "a_name_with_a_dot" {
  command = plan

  variables {
    name = "maas.prod"
  }
  expect_failures = [var.name]
}

run "a_log_without_end" {
  command = plan

  variables {
    flow_log_days = 1
  }
  expect_failures = [var.flow_log_days]
}

