# Functions read the new password a minute after it is written: until then the former user is let in.
mock_provider "kubernetes" {}

variables {
  namespace = "maas-stores"
  image     = "registry.example.com/redis@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  password  = "a-password-of-redis-of-a-test"
}

run "first" {
  command = plan

  assert {
    condition     = keys(kubernetes_secret_v1.user) == ["a"] && output.user == "maas_a"
    error_message = "The first user is not a alone."
  }
}

run "second" {
  command = plan
  variables {
    revision = 2
  }

  assert {
    condition     = kubernetes_secret_v1.user["a"].data_wo_revision == 1 && kubernetes_secret_v1.user["b"].data_wo_revision == 2 && output.user == "maas_b"
    error_message = "The second revision does not leave the first one's user as it is."
  }
}

run "third" {
  command = plan
  variables {
    revision = 3
  }

  assert {
    condition     = kubernetes_secret_v1.user["a"].data_wo_revision == 3 && kubernetes_secret_v1.user["b"].data_wo_revision == 2 && output.user == "maas_a"
    error_message = "The third revision does not take the first one's place."
  }
}
