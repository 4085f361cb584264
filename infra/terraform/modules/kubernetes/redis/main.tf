locals {
  size = {
    small  = { cpu = "10m", memory = "128Mi", keys = "64mb" }
    medium = { cpu = "100m", memory = "768Mi", keys = "512mb" }
    large  = { cpu = "1", memory = "6Gi", keys = "4096mb" }
  }[var.size]

  labels = { "app.kubernetes.io/name" = "redis", "app.kubernetes.io/instance" = var.name, "app.kubernetes.io/part-of" = "maas" }
  host   = "${kubernetes_service_v1.this.metadata[0].name}.${var.namespace}.svc.cluster.local"
  port   = 6379

  # Odd revisions are user a, even ones b. Each has a Secret of its own, which is written when the user's turn comes.
  turns = { for turn in [var.revision, var.revision - 1] : (turn % 2 == 1 ? "a" : "b") => turn if turn > 0 }
  user  = "maas_${var.revision % 2 == 1 ? "a" : "b"}"

  settings = {
    port               = local.port
    dir                = "/run/redis"
    aclfile            = "/run/redis/users.acl"
    save               = "" # it may all be lost
    appendonly         = "no"
    maxmemory          = local.size.keys
    "maxmemory-policy" = "allkeys-lru"
    loglevel           = "warning"
  }
}

# The server knows passwords by their SHA-256 alone, and what users need: no administration, nothing over all keys.
resource "kubernetes_secret_v1" "user" {
  for_each = local.turns

  metadata {
    namespace = var.namespace
    name      = "${var.name}-${each.key}"
    labels    = local.labels
  }
  data_wo          = { user = "user maas_${each.key} on #${sha256(var.password)} ~* &* +@all -@admin -@dangerous\n" }
  data_wo_revision = each.value
}

resource "kubernetes_service_v1" "this" {
  metadata {
    namespace = var.namespace
    name      = var.name
    labels    = local.labels
  }
  spec {
    selector = local.labels
    port {
      name        = "redis"
      port        = local.port
      target_port = "redis"
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
    replicas     = 1 # functions do without it while it starts again
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
        automount_service_account_token = false
        enable_service_links            = false
        security_context {
          run_as_non_root = true
          run_as_user     = 65532
          run_as_group    = 65532
          fs_group        = 65532
          seccomp_profile {
            type = "RuntimeDefault"
          }
        }
        container {
          name  = "redis"
          image = var.image
          command = ["sh", "-c", join(" && ", [
            "umask 077",
            "{ echo user default off; cat /run/secrets/maas/*/user; } >/run/redis/users.acl",
            "exec redis-server \"$@\"",
          ]), "redis"]
          args = flatten([for name, value in local.settings : ["--${name}", tostring(value)]])
          port {
            name           = "redis"
            container_port = local.port
          }
          resources {
            requests = { cpu = local.size.cpu, memory = local.size.memory }
            limits   = { memory = local.size.memory }
          }
          readiness_probe {
            tcp_socket {
              port = "redis"
            }
            period_seconds = 2
          }
          liveness_probe {
            tcp_socket {
              port = "redis"
            }
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
            name       = "run"
            mount_path = "/run/redis"
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
          name = "run"
          empty_dir {
            medium     = "Memory"
            size_limit = "1Mi"
          }
        }
        dynamic "volume" {
          for_each = local.turns
          content {
            name = volume.key
            secret {
              secret_name  = kubernetes_secret_v1.user[volume.key].metadata[0].name
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
        port = "redis"
      }
    }
  }
}
