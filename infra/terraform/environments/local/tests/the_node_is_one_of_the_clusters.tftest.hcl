# Volumes on a node that there is not would leave pods waiting for ever.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

variables {
  kubeconfig = "tests/fixture/kubeconfig"
  images     = "tests/fixture/images"
  keys       = "tests/fixture"
}

run "another" {
  command = plan
  variables {
    node = { name = "node-2" }
  }
  expect_failures = [terraform_data.folder]
}
