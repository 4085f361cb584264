# What could not work fails before anything is made.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

variables {
  overlay = "local"
  binding = "done"
  images = {
    for program in toset(regexall("ko://[^\"]+", file("manifests/local.yaml.tftpl"))) :
    program => "registry.example.com/${basename(program)}@sha256:${sha256(program)}"
  }
}

run "no_image_for_a_program" {
  command = plan
  variables {
    images = {}
  }
  expect_failures = [var.images]
}

run "an_image_by_its_tag" {
  command = plan
  variables {
    images = { for program in toset(regexall("ko://[^\"]+", file("manifests/local.yaml.tftpl"))) : program => "registry.example.com/x:latest" }
  }
  expect_failures = [var.images]
}

run "a_setting_that_there_is_not" {
  command = plan
  variables {
    settings = { domain = "maas.example.com" }
  }
  expect_failures = [var.settings]
}

run "a_setting_that_would_be_yaml" {
  command = plan
  variables {
    settings = { host = "maas.example.com\n  x: y" }
  }
  expect_failures = [var.settings]
}

run "an_overlay_that_there_is_not" {
  command = plan
  variables {
    overlay = "staging"
  }
  expect_failures = [var.overlay]
}
