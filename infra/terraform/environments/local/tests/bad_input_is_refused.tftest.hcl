# What is missing is named before anything is made, with the command that makes it.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

variables {
  kubeconfig = "tests/fixture/kubeconfig"
  images     = "tests/fixture/images"
  keys       = "tests/fixture"
}

run "no_kubeconfig" {
  command = plan
  variables {
    kubeconfig = "tests/fixture/none"
  }
  expect_failures = [var.kubeconfig]
}

run "no_keys" {
  command = plan
  variables {
    keys = "tests"
  }
  expect_failures = [var.keys]
}

run "images_without_the_stores" {
  command = plan
  variables {
    images = "tests/fixture/service.key"
  }
  expect_failures = [var.images]
}

run "a_folder_that_is_the_machines" {
  command = plan
  variables {
    node = { folder = "/var" }
  }
  expect_failures = [var.node]
}
