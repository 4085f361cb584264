# Functions read the new key a minute after it is written: until then the former account is let in.
mock_provider "kubernetes" {}

variables {
  namespace                = "maas-stores"
  image                    = "registry.example.com/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  secret_access_key        = "a-secret-access-key-of-a-test-of-it"
  reader_secret_access_key = "a-secret-access-key-of-its-reader"
  volume                   = { storage_class = "gp3" }
}

run "first" {
  command = plan

  assert {
    condition     = keys(kubernetes_secret_v1.account) == ["a"] && keys(kubernetes_secret_v1.reader) == ["a"] && output.access_key_id == "maas-a" && output.reader_access_key_id == "maas-reader-a"
    error_message = "The first account is not a alone."
  }
}

run "second" {
  command = plan
  variables {
    revision = 2
  }

  assert {
    condition     = kubernetes_secret_v1.account["a"].data_wo_revision == 1 && kubernetes_secret_v1.account["b"].data_wo_revision == 2 && output.access_key_id == "maas-b"
    error_message = "The second revision does not leave the first one's account as it is."
  }
  assert {
    condition     = kubernetes_secret_v1.reader["a"].data_wo_revision == 1 && kubernetes_secret_v1.reader["b"].data_wo_revision == 2 && output.reader_access_key_id == "maas-reader-b"
    error_message = "The second revision does not leave the first one's reader as it is."
  }
}
