# Whoever has no need is not let in, whatever they know; the server itself goes nowhere.
resource "kubernetes_network_policy_v1" "this" {
  metadata {
    namespace = var.namespace
    name      = var.name
    labels    = local.labels
  }
  spec {
    pod_selector {
      match_labels = local.labels
    }
    policy_types = ["Ingress", "Egress"]
    ingress {
      dynamic "from" {
        for_each = var.clients
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
        port = "postgres"
      }
    }
  }
}
