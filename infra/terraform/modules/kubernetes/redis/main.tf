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

module "restricted" {
  source = "../restricted"
}

# By its manifest: the provider's own resource (3.2.1) fails when it has waited for the rollout of a change (its issue 2926).
resource "kubernetes_manifest" "server" {
  manifest = {
    apiVersion = "apps/v1"
    kind       = "StatefulSet"
    metadata   = { namespace = var.namespace, name = var.name, labels = local.labels }
    spec = {
      replicas    = 1 # functions do without it while it starts again
      serviceName = kubernetes_service_v1.this.metadata[0].name
      selector    = { matchLabels = local.labels }
      template = {
        metadata = {
          labels      = local.labels
          annotations = { "maas.dev/revision" = tostring(var.revision) }
        }
        spec = {
          automountServiceAccountToken = false
          enableServiceLinks           = false
          securityContext              = module.restricted.pod
          containers = [{
            name  = "redis"
            image = var.image
            command = ["sh", "-c", join(" && ", [
              "umask 077",
              "{ echo user default off; cat /run/secrets/maas/*/user; } >/run/redis/users.acl",
              "exec redis-server \"$@\"",
            ]), "redis"]
            args           = flatten([for name, value in local.settings : ["--${name}", tostring(value)]])
            ports          = [{ name = "redis", containerPort = local.port }]
            readinessProbe = { tcpSocket = { port = "redis" }, periodSeconds = 2 }
            livenessProbe  = { tcpSocket = { port = "redis" } }
            volumeMounts = concat(
              [{ name = "run", mountPath = "/run/redis" }],
              [for turn in keys(local.turns) : { name = turn, mountPath = "/run/secrets/maas/${turn}", readOnly = true }],
            )
            resources = {
              requests = { cpu = local.size.cpu, memory = local.size.memory }
              limits   = { memory = local.size.memory }
            }
            securityContext = module.restricted.container
          }]
          volumes = concat(
            [{ name = "run", emptyDir = { medium = "Memory", sizeLimit = "1Mi" } }],
            [for turn in keys(local.turns) : { name = turn, secret = { secretName = kubernetes_secret_v1.user[turn].metadata[0].name, defaultMode = 288 } }], # 0440
          )
        }
      }
    }
  }

  wait {
    rollout = true
  }

  timeouts {
    create = "5m"
    update = "5m"
  }
}

module "policy" {
  source = "../policy"

  namespace = var.namespace
  name      = var.name
  labels    = local.labels
  port      = "redis"
  clients   = var.clients
}
