# Brings the schema up and makes the login good, before functions are given it. A Job cannot be changed, and the provider plans none of a name
# that is taken: so each is named for what it does, and the next one takes its place.
locals {
  job  = yamldecode(replace(file("${path.module}/../../../../knative/migrate/job.yaml"), "/ko://\\S+/", var.migrate_image))
  does = substr(sha256(jsonencode([local.job, local.secrets["maas-database-owner"].of])), 0, 8)
}

resource "kubernetes_manifest" "migrate" {
  for_each = toset(["migrate-${local.does}"])

  manifest = merge(local.job, {
    metadata = { name = each.key, namespace = local.functions, labels = { "app.kubernetes.io/part-of" = "maas" } }
    # It stays: what ends by itself would be made again by the next apply.
    spec = { for name, value in local.job.spec : name => value if name != "ttlSecondsAfterFinished" }
  })
  computed_fields = ["metadata.annotations", "metadata.labels", "spec.template.metadata.labels"] # Kubernetes adds the Job's own

  wait {
    condition {
      type   = "Complete"
      status = "True"
    }
  }

  timeouts {
    create = "5m"
  }

  depends_on = [kubernetes_secret_v1.this]
}
