# Brings the schema up and makes the login good, before functions are given it. A Job cannot be changed, so another takes its place whenever
# there is something to do.
locals {
  job = yamldecode(replace(file("${path.module}/../../../../knative/migrate/job.yaml"), "/ko://\\S+/", var.migrate_image))
}

resource "terraform_data" "migrate" {
  input = [local.job, kubernetes_secret_v1.this["maas-database-owner"].data_wo_revision]
}

resource "kubernetes_manifest" "migrate" {
  manifest = merge(local.job, {
    metadata = { name = "migrate", namespace = local.functions, labels = { "app.kubernetes.io/part-of" = "maas" } }
    # It stays: what ends by itself would be made again by the next apply.
    spec = { for name, value in local.job.spec : name => value if name != "ttlSecondsAfterFinished" }
  })

  wait {
    condition {
      type   = "Complete"
      status = "True"
    }
  }

  timeouts {
    create = "5m"
  }

  lifecycle {
    replace_triggered_by = [terraform_data.migrate]
  }
}
