# In a cluster without provisioner the module makes the volume, for this claim alone.
mock_provider "kubernetes" {}

variables {
  namespace   = "maas-stores"
  name        = "postgres"
  storage_gib = 5
}

run "on_a_node" {
  command = plan
  variables {
    volume = { node = { name = "node-1", path = "/var/lib/maas/postgres" } }
  }

  assert {
    condition     = kubernetes_persistent_volume_v1.this[0].spec[0].claim_ref[0].name == "postgres" && kubernetes_persistent_volume_claim_v1.this.spec[0].volume_name == "maas-stores-postgres"
    error_message = "Volume and claim are not each other's."
  }
  assert {
    condition     = kubernetes_persistent_volume_v1.this[0].spec[0].persistent_volume_reclaim_policy == "Retain"
    error_message = "The bytes would go with the claim."
  }
}

run "of_a_class" {
  command = plan
  variables {
    volume = { storage_class = "gp3" }
  }

  assert {
    condition     = length(kubernetes_persistent_volume_v1.this) == 0 && kubernetes_persistent_volume_claim_v1.this.spec[0].storage_class_name == "gp3"
    error_message = "A class makes its volumes itself."
  }
}
