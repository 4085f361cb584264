# A cache and a store whose certificates no public authority has signed are trusted by functions, and the store by what fetches models.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

run "public" {
  command = plan

  assert {
    condition     = !anytrue([for name in concat(keys(kubernetes_config_map_v1.functions.data), keys(kubernetes_config_map_v1.models.data)) : endswith(name, "_CA")])
    error_message = "An authority is named that nobody gave, and the system's are not trusted."
  }
}

run "own" {
  command = plan
  variables {
    redis          = { host = "redis.example.com", port = 6379, user = "maas_a", tls = true, ca = "of the cache" }
    object_storage = { endpoint = "https://s3.example.com", bucket = "maas", region = "eu-central-1", ca = "of the store" }
  }

  assert {
    condition     = kubernetes_config_map_v1.functions.data["REDIS_CA"] == "of the cache" && kubernetes_config_map_v1.functions.data["S3_CA"] == "of the store"
    error_message = "Functions do not trust the cache's authority or the store's."
  }
  assert {
    condition     = kubernetes_config_map_v1.models.data["S3_CA"] == "of the store" && !contains(keys(kubernetes_config_map_v1.models.data), "REDIS_CA")
    error_message = "What fetches models does not trust the store's authority, or is told of more."
  }
}
