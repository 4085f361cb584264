# What runs in maas-models is the tenants': of what functions are given it sees where the store is, with credentials of its own.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

run "models" {
  command = plan
  variables {
    config = { MAAS_LOG_LEVEL = "debug", S3_PROFILE = "s3" }
  }

  assert {
    condition     = alltrue([for name in keys(kubernetes_config_map_v1.models.data) : startswith(name, "S3_")]) && kubernetes_config_map_v1.models.data["S3_PROFILE"] == "s3"
    error_message = "Models are told of more than the store."
  }
  assert {
    condition     = alltrue([for secret in kubernetes_secret_v1.this : secret.metadata[0].namespace != "maas-models"]) && kubernetes_secret_v1.models_store[0].metadata[0].name == "maas-store"
    error_message = "A Secret of functions is where models run."
  }
}
