# Functions are told of the stores that are made here, and of nothing else.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

variables {
  kubeconfig = "tests/fixture/kubeconfig"
  images     = "tests/fixture/images"
  keys       = "tests/fixture"
}

run "plan" {
  command = plan

  assert {
    condition     = module.postgres.host == "postgres.maas-stores.svc.cluster.local" && module.redis.host == "redis.maas-stores.svc.cluster.local" && module.object_storage.endpoint == "http://object-storage.maas-stores.svc.cluster.local:9000"
    error_message = "A store is elsewhere."
  }
  assert {
    condition     = output.address == "http://maas.local:30080" && module.object_storage.public_endpoint == "http://192.0.2.1:30090"
    error_message = "Clients are sent elsewhere."
  }
  assert {
    condition     = module.object_storage.access_key_id == "maas-a" && module.object_storage.reader_access_key_id == "maas-reader-a"
    error_message = "What fetches models comes to the store as functions do."
  }
  assert {
    condition     = module.binding.login == "maas_login_a"
    error_message = "The first login is not the first."
  }
}
