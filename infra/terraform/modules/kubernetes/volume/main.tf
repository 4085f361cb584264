# The claim is made beside the StatefulSet, not by it: so it grows with storage_gib, where its class lets it, and outlives whatever takes the
# StatefulSet's place.
locals {
  on_node = var.volume.node != null
}

resource "kubernetes_persistent_volume_v1" "this" {
  count = local.on_node ? 1 : 0

  metadata {
    name = "${var.namespace}-${var.name}"
  }
  spec {
    capacity                         = { storage = "${var.storage_gib}Gi" }
    access_modes                     = ["ReadWriteOnce"]
    persistent_volume_reclaim_policy = "Retain"
    claim_ref {
      namespace = var.namespace
      name      = var.name
    }
    persistent_volume_source {
      local {
        path = var.volume.node.path
      }
    }
    node_affinity {
      required {
        node_selector_term {
          match_expressions {
            key      = "kubernetes.io/hostname"
            operator = "In"
            values   = [var.volume.node.name]
          }
        }
      }
    }
  }
}

resource "kubernetes_persistent_volume_claim_v1" "this" {
  metadata {
    namespace = var.namespace
    name      = var.name
  }
  spec {
    access_modes       = ["ReadWriteOnce"]
    storage_class_name = local.on_node ? "" : var.volume.storage_class
    volume_name        = one(kubernetes_persistent_volume_v1.this[*].metadata[0].name)
    resources {
      requests = { storage = "${var.storage_gib}Gi" }
    }
  }
  wait_until_bound = false # many classes make a volume for the first pod alone
}
