# A raised revision is another role, so that functions that still have the former password are let in.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

run "first" {
  command = plan

  assert {
    condition     = output.login == "maas_login_a"
    error_message = "The first login is not a."
  }
}

run "second" {
  command = plan
  variables {
    revisions = { login = 2 }
  }

  assert {
    condition     = output.login == "maas_login_b"
    error_message = "The second login is not b."
  }
  assert {
    condition     = kubernetes_secret_v1.database.data_wo_revision != run.first.written["maas-database"] && kubernetes_secret_v1.this["maas-database-owner"].data_wo_revision != run.first.written["maas-database-owner"]
    error_message = "The migration or the functions are not told of the new login."
  }
  assert {
    condition     = kubernetes_secret_v1.this["maas-redis"].data_wo_revision == run.first.written["maas-redis"]
    error_message = "Another secret is written, too."
  }
}
