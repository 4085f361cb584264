# What Terraform knows reaches a function by the objects that docs/operations.md lists ("What must be there first"), and by nothing else.
locals {
  namespaces = {
    for text in split("\n---\n", file("${path.module}/../../../../knative/namespaces/namespaces.yaml")) :
    yamldecode(text).metadata.name => yamldecode(text).metadata.labels
  }
}

module "namespace" {
  source   = "../kubernetes/namespace"
  for_each = local.namespaces

  name   = each.key
  labels = each.value
}

locals {
  functions = module.namespace["maas"].name
  models    = module.namespace["maas-models"].name

  # A role of odd revisions and one of even ones: the migration gives the next one its password while functions still come as the former.
  login = "maas_login_${var.revisions.login % 2 == 1 ? "a" : "b"}"

  # postgres://user:password@at
  database = join("", [
    "@${var.postgres.host}:${var.postgres.port}/${var.postgres.database}?",
    !var.postgres.tls ? "sslmode=disable" :
    var.postgres.ca == null ? "sslmode=verify-full" : "sslmode=verify-full&sslrootcert=/var/run/maas/",
  ])
  ca        = var.postgres.tls && var.postgres.ca != null
  owner_url = "postgres://${var.postgres.owner}:${urlencode(var.owner_password)}${local.database}${local.ca ? "database-owner/ca.pem" : ""}"
  redis_url = "${var.redis.tls ? "rediss" : "redis"}://${var.redis.user}${var.redis_password == null ? "" : ":${urlencode(var.redis_password)}"}@${var.redis.host}:${var.redis.port}"
  login_url = "postgres://${local.login}:${urlencode(var.login_password)}${local.database}"
  ca_file   = local.ca ? { "ca.pem" = var.postgres.ca } : {}

  store = merge(
    { S3_ENDPOINT = var.object_storage.endpoint, S3_BUCKET = var.object_storage.bucket, S3_REGION = var.object_storage.region },
    var.object_storage.public_endpoint == null ? {} : { S3_PUBLIC_ENDPOINT = var.object_storage.public_endpoint },
    var.object_storage.ca == null ? {} : { S3_CA = var.object_storage.ca },
  )
  cache = var.redis.ca == null ? {} : { REDIS_CA = var.redis.ca }
}

resource "kubernetes_config_map_v1" "functions" {
  metadata {
    namespace = local.functions
    name      = "maas-config"
  }
  data = merge(var.config, local.store, local.cache, { K_SINK = var.sink, MAAS_TRUSTED_PROXIES = join(",", var.trusted_proxies) })
}

# Model servers run what tenants upload: what fetches their files is told of the store, and of nothing else.
resource "kubernetes_config_map_v1" "models" {
  metadata {
    namespace = local.models
    name      = "maas-config"
  }
  data = merge({ for name, value in var.config : name => value if startswith(name, "S3_") }, local.store)
}

resource "kubernetes_config_map_v1" "verify_keys" {
  metadata {
    namespace = local.functions
    name      = "maas-verify-keys"
  }
  data = { "verify.json" = var.verify_keys }
}
