resource "kubernetes_stateful_set_v1" "this" {
  metadata {
    namespace = var.namespace
    name      = var.name
    labels    = local.labels
  }
  spec {
    replicas     = 1 # the volume is one pod's; a server with a standby is what the aws module is for
    service_name = kubernetes_service_v1.this.metadata[0].name
    selector {
      match_labels = local.labels
    }
    template {
      metadata {
        labels = local.labels
        annotations = {
          "maas.dev/revision" = var.owner_revision
          "maas.dev/config"   = sha256(jsonencode([kubernetes_config_map_v1.this.data, var.tls]))
        }
      }
      spec {
        automount_service_account_token  = false
        enable_service_links             = false
        termination_grace_period_seconds = 120
        security_context {
          run_as_non_root = true
          run_as_user     = var.user
          run_as_group    = var.user
          fs_group        = var.user
          # Always, each start would open the data to the group, which Postgres refuses.
          fs_group_change_policy = "OnRootMismatch"
          seccomp_profile {
            type = "RuntimeDefault"
          }
        }
        init_container {
          name    = "initialise"
          image   = var.image
          command = ["sh", "/etc/maas/initialise"]
          dynamic "env" {
            for_each = { PGDATA = "${local.data}/data", OWNER = local.owner, DATABASE = local.database }
            content {
              name  = env.key
              value = env.value
            }
          }
          resources {
            requests = { cpu = local.size.cpu, memory = local.size.memory }
            limits   = { memory = local.size.memory }
          }
          security_context {
            run_as_non_root            = true # else the provider says false
            allow_privilege_escalation = false
            read_only_root_filesystem  = true
            capabilities {
              drop = ["ALL"]
            }
          }
          dynamic "volume_mount" {
            for_each = local.mounts
            content {
              name       = volume_mount.key
              mount_path = volume_mount.value.path
              read_only  = volume_mount.value.read_only
            }
          }
          termination_message_policy = "FallbackToLogsOnError"
        }
        container {
          name    = "postgres"
          image   = var.image
          command = ["sh", "-c", "exec /usr/lib/postgresql/*/bin/postgres \"$@\"", "postgres"]
          args    = concat(["-D", "${local.data}/data"], flatten([for name, value in local.settings : ["-c", "${name}=${value}"]]))
          port {
            name           = "postgres"
            container_port = local.port
          }
          resources {
            requests = { cpu = local.size.cpu, memory = local.size.memory }
            limits   = { memory = local.size.memory }
          }
          readiness_probe {
            exec {
              command = ["sh", "-c", "exec /usr/lib/postgresql/*/bin/pg_isready -q -h 127.0.0.1"]
            }
            period_seconds = 2
          }
          liveness_probe { # one that recovers (1) is alive
            exec {
              command = ["sh", "-c", "/usr/lib/postgresql/*/bin/pg_isready -q -h 127.0.0.1 || [ $? = 1 ]"]
            }
            initial_delay_seconds = 30
            timeout_seconds       = 10
            failure_threshold     = 6
          }
          lifecycle {
            pre_stop { # fast: SIGTERM would wait for functions to leave
              exec {
                command = ["sh", "-c", "exec /usr/lib/postgresql/*/bin/pg_ctl stop -D ${local.data}/data -m fast"]
              }
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
          dynamic "volume_mount" {
            for_each = local.mounts
            content {
              name       = volume_mount.key
              mount_path = volume_mount.value.path
              read_only  = volume_mount.value.read_only
            }
          }
        }
        volume {
          name = "data"
          persistent_volume_claim {
            claim_name = module.volume.claim
          }
        }
        volume {
          name = "config"
          config_map {
            name = kubernetes_config_map_v1.this.metadata[0].name
          }
        }
        volume {
          name = "secrets"
          secret {
            secret_name  = kubernetes_secret_v1.this.metadata[0].name
            default_mode = "0440"
          }
        }
        dynamic "volume" {
          for_each = toset(["run", "shm", "tmp"])
          content {
            name = volume.key
            empty_dir {
              medium     = "Memory"
              size_limit = "64Mi"
            }
          }
        }
      }
    }
  }

  timeouts {
    create = "5m"
    update = "10m"
  }
}

locals {
  mounts = {
    data    = { path = local.data, read_only = false }
    config  = { path = "/etc/maas", read_only = true }
    secrets = { path = "/run/secrets/maas", read_only = true }
    run     = { path = "/run/postgresql", read_only = false }
    shm     = { path = "/dev/shm", read_only = false }
    tmp     = { path = "/tmp", read_only = false }
  }
}
