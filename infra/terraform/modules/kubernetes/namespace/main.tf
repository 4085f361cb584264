# A namespace that is nobody else's. The API server's own "already exists" does not tell what to do about it, and comes when other things are made already.
data "kubernetes_resources" "there" {
  api_version    = "v1"
  kind           = "Namespace"
  field_selector = "metadata.name=${var.name}"
}

# Its id marks the namespace as this state's.
resource "terraform_data" "mark" {}

locals {
  mark  = "maas.dev/terraform"
  marks = [for there in data.kubernetes_resources.there.objects : try(there.metadata.labels[local.mark], null)]
}

resource "kubernetes_namespace_v1" "this" {
  metadata {
    name   = var.name
    labels = merge(var.labels, { (local.mark) = terraform_data.mark.id })
  }

  lifecycle {
    precondition {
      condition     = alltrue([for mark in local.marks : mark == null ? false : mark == terraform_data.mark.id])
      error_message = "The namespace ${var.name} exists and is not of this state: delete it (kubectl delete namespace ${var.name}) if nothing in it is needed, or choose another cluster."
    }
  }

  timeouts {
    delete = "20m" # of pods first, as long as models may take for their longest request; then KServe lets go of each
  }
}
