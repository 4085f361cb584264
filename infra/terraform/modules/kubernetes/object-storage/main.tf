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
  turns = { for turn in [var.revision, var.revision - 1] : (turn % 2 == 1 ? "a" : "b") => turn if turn > 0 }
  turn  = var.revision % 2 == 1 ? "a" : "b"

  # A folder for each kind of account, with a folder for each account.
  credentials = "/run/secrets/maas"
  readers     = "/run/secrets/maas-readers"
  mounts = concat(
    [for turn in keys(local.turns) : { name = turn, path = "${local.credentials}/${turn}", secret = kubernetes_secret_v1.account[turn].metadata[0].name }],
    [for turn in keys(local.turns) : { name = "reader-${turn}", path = "${local.readers}/${turn}", secret = kubernetes_secret_v1.reader[turn].metadata[0].name }],
  )
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

# An account that can read tenants' objects and do nothing else.
resource "kubernetes_secret_v1" "reader" {
  for_each = local.turns

  metadata {
    namespace = var.namespace
    name      = "${var.name}-reader-${each.key}"
    labels    = local.labels
  }
  data_wo          = { "access-key-id" = "maas-reader-${each.key}", "secret-access-key" = var.reader_secret_access_key }
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
      replicas    = 1 # the volume is one pod's; a store of many is what the aws module is for
      serviceName = kubernetes_service_v1.this.metadata[0].name
      selector    = { matchLabels = local.labels }
      template = {
        metadata = {
          labels      = local.labels
          annotations = { "maas.dev/revision" = tostring(var.revision) }
        }
        spec = {
          automountServiceAccountToken  = false
          enableServiceLinks            = false
          terminationGracePeriodSeconds = 60
          securityContext               = merge(module.restricted.pod, { fsGroupChangePolicy = "OnRootMismatch" }) # Always, each start would walk over every object
          containers = [{
            name  = "s3"
            image = var.image
            args = [
              "s3-server", "--data", "/var/lib/maas/s3", "--listen", ":${local.port}", "--region", var.region,
              "--credentials", local.credentials, "--readers", local.readers, "--bucket", var.bucket,
            ]
            ports          = [{ name = "s3", containerPort = local.port }]
            readinessProbe = { httpGet = { path = "/-/healthy", port = "s3" }, periodSeconds = 2 }
            livenessProbe  = { httpGet = { path = "/-/healthy", port = "s3" }, timeoutSeconds = 10, failureThreshold = 6 }
            volumeMounts = concat(
              [{ name = "data", mountPath = "/var/lib/maas" }],
              [for mount in local.mounts : { name = mount.name, mountPath = mount.path, readOnly = true }],
            )
            resources = {
              requests = { cpu = local.size.cpu, memory = local.size.memory }
              limits   = { memory = local.size.memory }
            }
            securityContext = module.restricted.container
          }]
          volumes = concat(
            [{ name = "data", persistentVolumeClaim = { claimName = module.volume.claim } }],
            [for mount in local.mounts : { name = mount.name, secret = { secretName = mount.secret, defaultMode = 288 } }], # 0440
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
    update = "10m"
  }
}

module "policy" {
  source = "../policy"

  namespace = var.namespace
  name      = var.name
  labels    = local.labels
  port      = "s3"
  clients   = var.clients
  outside   = var.public != null
}
