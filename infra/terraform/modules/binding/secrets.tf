# Secrets reach the cluster by write-only arguments, and neither a plan nor the state. A Secret is written anew when its revision is raised or an
# address in it changes: both make another number.
locals {
  secrets = merge(
    {
      "maas-database-owner" = { namespace = local.functions, of = [var.revisions.owner, var.revisions.login, var.postgres] }
      "maas-redis"          = { namespace = local.functions, of = [var.revisions.redis, var.redis] }
      "maas-service-key"    = { namespace = local.functions, of = [var.revisions.keys] }
      "maas-signing-keys"   = { namespace = local.functions, of = [var.revisions.keys] }
    },
    var.identity_by_pod ? {} : {
      "maas-store" = { namespace = local.functions, of = [var.revisions.store] }
    },
  )
  contents = {
    "maas-database-owner" = merge(local.ca_file, {
      url   = local.owner_url
      login = "${local.login_url}${local.ca ? "database-owner/ca.pem" : ""}"
    })
    "maas-redis"        = { url = local.redis_url }
    "maas-service-key"  = { "service.key" = var.keys.service }
    "maas-signing-keys" = { "signing.json" = var.keys.signing }
    "maas-store"        = local.credentials.functions
  }
  credentials = {
    for whose in ["functions", "models"] : whose => {
      "access-key-id"     = try(var.store_credentials[whose].access_key_id, "")
      "secret-access-key" = try(var.store_credentials[whose].secret_access_key, "")
    }
  }
}

resource "kubernetes_secret_v1" "this" {
  for_each = local.secrets

  metadata {
    namespace = each.value.namespace
    name      = each.key
  }
  data_wo          = local.contents[each.key]
  data_wo_revision = parseint(substr(sha256(jsonencode(each.value.of)), 0, 12), 16)
}

resource "kubernetes_secret_v1" "models_store" {
  count = var.identity_by_pod ? 0 : 1

  metadata {
    namespace = local.models
    name      = "maas-store"
  }
  data_wo          = local.credentials.models
  data_wo_revision = parseint(substr(sha256(jsonencode(["reader", var.revisions.store])), 0, 12), 16) # another number than where functions' credentials were written
}

# Functions read this one again for each new connection, so the login in it is good before they do.
resource "kubernetes_secret_v1" "database" {
  metadata {
    namespace = local.functions
    name      = "maas-database"
  }
  data_wo          = merge(local.ca_file, { url = "${local.login_url}${local.ca ? "database/ca.pem" : ""}" })
  data_wo_revision = parseint(substr(sha256(jsonencode([var.revisions.login, var.postgres])), 0, 12), 16)

  depends_on = [kubernetes_manifest.migrate]
}
