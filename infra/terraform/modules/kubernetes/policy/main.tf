# Whoever has no need is not let in, whatever they know; a store itself goes nowhere.
resource "kubernetes_network_policy_v1" "this" {
  metadata {
    namespace = var.namespace
    name      = var.name
    labels    = var.labels
  }
  spec {
    pod_selector {
      match_labels = var.labels
    }
    policy_types = ["Ingress", "Egress"]
    ingress {
      dynamic "from" { # nobody is named, and so everybody let in, where clients come from outside
        for_each = var.outside ? [] : var.clients
        content {
          namespace_selector {
            match_labels = { "kubernetes.io/metadata.name" = from.value.namespace }
          }
          pod_selector {
            match_labels = from.value.labels
          }
        }
      }
      ports {
        port = var.port
      }
    }
  }
}
