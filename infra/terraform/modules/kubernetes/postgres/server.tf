# By its manifest: the provider's own resource (3.2.1) fails when it has waited for the rollout of a change (its issue 2926).
locals {
  mounts = [
    { name = "data", mountPath = local.data },
    { name = "config", mountPath = "/etc/maas", readOnly = true },
    { name = "secrets", mountPath = "/run/secrets/maas", readOnly = true },
    { name = "run", mountPath = "/run/postgresql" },
    { name = "shm", mountPath = "/dev/shm" },
    { name = "tmp", mountPath = "/tmp" },
  ]
  resources = {
    requests = { cpu = local.size.cpu, memory = local.size.memory }
    limits   = { memory = local.size.memory }
  }
  bin = "/usr/lib/postgresql/*/bin" # Debian's place
}

module "restricted" {
  source = "../restricted"

  user = var.user
}

resource "kubernetes_manifest" "server" {
  manifest = {
    apiVersion = "apps/v1"
    kind       = "StatefulSet"
    metadata   = { namespace = var.namespace, name = var.name, labels = local.labels }
    spec = {
      replicas    = 1 # the volume is one pod's; a server with a standby is what the aws module is for
      serviceName = kubernetes_service_v1.this.metadata[0].name
      selector    = { matchLabels = local.labels }
      template = {
        metadata = {
          labels = local.labels
          annotations = {
            "maas.dev/revision" = tostring(var.owner_revision)
            "maas.dev/config"   = sha256(jsonencode([kubernetes_config_map_v1.this.data, var.tls]))
          }
        }
        spec = {
          automountServiceAccountToken  = false
          enableServiceLinks            = false
          terminationGracePeriodSeconds = 120
          securityContext               = merge(module.restricted.pod, { fsGroupChangePolicy = "OnRootMismatch" }) # Always, each start would open the data to the group, which Postgres refuses
          initContainers = [{
            name                     = "initialise"
            image                    = var.image
            command                  = ["sh", "/etc/maas/initialise"]
            env                      = [for name, value in { PGDATA = "${local.data}/data", OWNER = local.owner, DATABASE = local.database } : { name = name, value = value }]
            resources                = local.resources
            securityContext          = module.restricted.container
            volumeMounts             = local.mounts
            terminationMessagePolicy = "FallbackToLogsOnError"
          }]
          containers = [{
            name      = "postgres"
            image     = var.image
            command   = ["sh", "-c", "exec ${local.bin}/postgres \"$@\"", "postgres"]
            args      = concat(["-D", "${local.data}/data"], flatten([for name, value in local.settings : ["-c", "${name}=${value}"]]))
            ports     = [{ name = "postgres", containerPort = local.port }]
            resources = local.resources
            readinessProbe = {
              exec          = { command = ["sh", "-c", "exec ${local.bin}/pg_isready -q -h 127.0.0.1"] }
              periodSeconds = 2
            }
            livenessProbe = { # one that recovers (1) is alive
              exec                = { command = ["sh", "-c", "${local.bin}/pg_isready -q -h 127.0.0.1 || [ $? = 1 ]"] }
              initialDelaySeconds = 30
              timeoutSeconds      = 10
              failureThreshold    = 6
            }
            lifecycle = { # fast: SIGTERM would wait for functions to leave
              preStop = { exec = { command = ["sh", "-c", "exec ${local.bin}/pg_ctl stop -D ${local.data}/data -m fast"] } }
            }
            securityContext = module.restricted.container
            volumeMounts    = local.mounts
          }]
          volumes = [
            { name = "data", persistentVolumeClaim = { claimName = module.volume.claim } },
            { name = "config", configMap = { name = kubernetes_config_map_v1.this.metadata[0].name } },
            { name = "secrets", secret = { secretName = kubernetes_secret_v1.this.metadata[0].name, defaultMode = 288 } }, # 0440
            { name = "run", emptyDir = { medium = "Memory", sizeLimit = "64Mi" } },
            { name = "shm", emptyDir = { medium = "Memory", sizeLimit = "64Mi" } },
            { name = "tmp", emptyDir = { medium = "Memory", sizeLimit = "64Mi" } },
          ]
        }
      }
    }
  }

  wait {
    rollout = true
  }

  timeouts {
    create = "5m"
    update = "10m"
  }
}
