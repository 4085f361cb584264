# A Secret with an address in it follows the server, though no revision was raised.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

run "first" {
  command = plan
}

run "moved" {
  command = plan
  variables {
    postgres = { host = "elsewhere.example.com", port = 5432, database = "maas", owner = "maas_owner" }
  }

  assert {
    condition     = kubernetes_secret_v1.database.data_wo_revision != run.first.written["maas-database"] && kubernetes_secret_v1.this["maas-database-owner"].data_wo_revision != run.first.written["maas-database-owner"]
    error_message = "Functions or the migration go on with the former address."
  }
}
