# Where pods have an identity at the store, there are no credentials to keep.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

run "identity" {
  command = plan
  variables {
    identity_by_pod   = true
    store_credentials = null
  }

  assert {
    condition     = length(kubernetes_secret_v1.models_store) == 0 && !contains(keys(kubernetes_secret_v1.this), "maas-store")
    error_message = "There are credentials that nobody gave."
  }
}
