# Without a public address the store has none; with one, whoever has a presigned address comes by the node's port.
mock_provider "kubernetes" {}

variables {
  namespace                = "maas-stores"
  image                    = "registry.example.com/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  secret_access_key        = "a-secret-access-key-of-a-test-of-it"
  reader_secret_access_key = "a-secret-access-key-of-its-reader"
  volume                   = { storage_class = "gp3" }
}

run "private" {
  command = plan

  assert {
    condition     = kubernetes_service_v1.this.spec[0].type == "ClusterIP" && output.public_endpoint == null
    error_message = "The store can be reached from outside."
  }
}

run "public" {
  command = plan
  variables {
    public = { host = "maas.local", port = 30090 }
  }

  assert {
    condition     = kubernetes_service_v1.this.spec[0].port[0].node_port == 30090 && output.public_endpoint == "http://maas.local:30090"
    error_message = "Clients are sent where the store is not."
  }
}
