locals {
  size = {
    small  = { cpu = "50m", memory = "512Mi" }
    medium = { cpu = "500m", memory = "1Gi" }
    large  = { cpu = "2", memory = "4Gi" }
  }[var.size]

  labels = { "app.kubernetes.io/name" = "object-storage", "app.kubernetes.io/instance" = var.name, "app.kubernetes.io/part-of" = "maas" }
  host   = "${kubernetes_service_v1.this.metadata[0].name}.${var.namespace}.svc.cluster.local"
  port   = 9000

  # Odd revisions are account a, even ones b. Each has a Secret of its own, which is written when the account's turn comes.
  turns         = { for turn in [var.revision, var.revision - 1] : (turn % 2 == 1 ? "a" : "b") => turn if turn > 0 }
  access_key_id = "maas-${var.revision % 2 == 1 ? "a" : "b"}"
}

resource "kubernetes_secret_v1" "account" {
  for_each = local.turns

  metadata {
    namespace = var.namespace
    name      = "${var.name}-${each.key}"
    labels    = local.labels
  }
  data_wo          = { "access-key-id" = "maas-${each.key}", "secret-access-key" = var.secret_access_key }
  data_wo_revision = each.value
}

module "volume" {
  source = "../volume"

  namespace   = var.namespace
  name        = var.name
  storage_gib = var.storage_gib
  volume      = var.volume
}

resource "kubernetes_service_v1" "this" {
  metadata {
    namespace = var.namespace
    name      = var.name
    labels    = local.labels
  }
  spec {
    type     = var.public == null ? "ClusterIP" : "NodePort"
    selector = local.labels
    port {
      name        = "s3"
      port        = local.port
      target_port = "s3"
      node_port   = try(var.public.port, null)
    }
  }
}

resource "kubernetes_stateful_set_v1" "this" {
  metadata {
    namespace = var.namespace
    name      = var.name
    labels    = local.labels
  }
  spec {
    replicas     = 1 # the volume is one pod's; a store of many is what the aws module is for
    service_name = kubernetes_service_v1.this.metadata[0].name
    selector {
      match_labels = local.labels
    }
    template {
      metadata {
        labels      = local.labels
        annotations = { "maas.dev/revision" = var.revision }
      }
      spec {
        automount_service_account_token  = false
        enable_service_links             = false
        termination_grace_period_seconds = 60
        security_context {
          run_as_non_root = true
          run_as_user     = 65532
          run_as_group    = 65532
          fs_group        = 65532
          # Always, each start would walk over every object.
          fs_group_change_policy = "OnRootMismatch"
          seccomp_profile {
            type = "RuntimeDefault"
          }
        }
        container {
          name  = "s3"
          image = var.image
          args = [
            "s3-server", "--data", "/var/lib/maas/s3", "--listen", ":${local.port}", "--region", var.region,
            "--credentials", "/run/secrets/maas", "--bucket", var.bucket,
          ]
          port {
            name           = "s3"
            container_port = local.port
          }
          resources {
            requests = { cpu = local.size.cpu, memory = local.size.memory }
            limits   = { memory = local.size.memory }
          }
          readiness_probe {
            http_get {
              path = "/-/healthy"
              port = "s3"
            }
            period_seconds = 2
          }
          liveness_probe {
            http_get {
              path = "/-/healthy"
              port = "s3"
            }
            timeout_seconds   = 10
            failure_threshold = 6
          }
          security_context {
            run_as_non_root            = true # else the provider says false
            allow_privilege_escalation = false
            read_only_root_filesystem  = true
            capabilities {
              drop = ["ALL"]
            }
          }
          volume_mount {
            name       = "data"
            mount_path = "/var/lib/maas"
          }
          dynamic "volume_mount" {
            for_each = local.turns
            content {
              name       = volume_mount.key
              mount_path = "/run/secrets/maas/${volume_mount.key}"
              read_only  = true
            }
          }
        }
        volume {
          name = "data"
          persistent_volume_claim {
            claim_name = module.volume.claim
          }
        }
        dynamic "volume" {
          for_each = local.turns
          content {
            name = volume.key
            secret {
              secret_name  = kubernetes_secret_v1.account[volume.key].metadata[0].name
              default_mode = "0440"
            }
          }
        }
      }
    }
  }

  timeouts {
    create = "5m"
    update = "5m"
  }
}

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
      dynamic "from" { # nobody is named, and so everybody let in, where clients come from outside
        for_each = var.public == null ? var.clients : []
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
        port = "s3"
      }
    }
  }
}
