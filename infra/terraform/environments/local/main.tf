# MaaS in a cluster of one node with everything in it: the stores, what binds functions to them, the functions. README.md, "local".
locals {
  ours   = "ko://github.com/17882237881/MaaS/"
  images = { for line in split("\n", trimspace(file(var.images))) : split(" ", line)[0] => split(" ", line)[1] }

  # Passwords are made of the service key and their revision, so that an apply that ended halfway goes on with the same.
  key = sensitive(trimspace(file("${var.keys}/service.key")))
  passwords = {
    owner  = sha256("${local.key}/postgres/owner/${var.revisions.owner}")
    login  = sha256("${local.key}/postgres/login/${var.revisions.login}")
    redis  = sha256("${local.key}/redis/${var.revisions.redis}")
    store  = sha256("${local.key}/store/${var.revisions.store}")
    reader = sha256("${local.key}/store/reader/${var.revisions.store}")
  }
}

module "namespace" {
  source = "../../modules/kubernetes/namespace"

  name   = "maas-stores"
  labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
}

data "kubernetes_nodes" "there" {}

locals {
  addresses = { for node in data.kubernetes_nodes.there.nodes : node.metadata[0].name => [for at in node.status[0].addresses : at.address if at.type == "InternalIP"] }
}

# The cluster has no provisioner of volumes: a folder for each store's, of the user that stores run as.
resource "terraform_data" "folder" {
  for_each = toset(["postgres", "object-storage"])
  input    = "${var.node.folder}/${each.key}"

  provisioner "local-exec" {
    command = "install -d -m 700 -o 65532 -g 65532 '${self.input}' || { echo 'The node is this machine and its volumes are folders of another user: run terraform as root.' >&2; exit 1; }"
  }
  provisioner "local-exec" {
    when    = destroy
    command = "rm -rf '${self.input}' && rmdir --ignore-fail-on-non-empty '${dirname(self.input)}'"
  }

  lifecycle {
    precondition {
      condition     = contains(keys(local.addresses), var.node.name)
      error_message = "The cluster has no node ${var.node.name}: name one of ${join(", ", keys(local.addresses))} by -var 'node={name=\"…\"}'."
    }
  }

  depends_on = [module.namespace] # it is nobody else's, and so the folder, which goes with destroy, is not either
}

module "postgres" {
  source = "../../modules/kubernetes/postgres"

  namespace      = module.namespace.name
  image          = local.images["postgres"]
  size           = var.sizes.postgres
  storage_gib    = var.storage_gib.postgres
  volume         = { node = { name = var.node.name, path = terraform_data.folder["postgres"].output } }
  owner_password = local.passwords.owner
  owner_revision = var.revisions.owner
  tls            = var.postgres_tls == null ? null : { certificate = file(var.postgres_tls.certificate), ca = file(var.postgres_tls.ca) }
  tls_key        = var.postgres_tls == null ? null : sensitive(file(var.postgres_tls.key))
}

module "redis" {
  source = "../../modules/kubernetes/redis"

  namespace = module.namespace.name
  image     = local.images["redis"]
  size      = var.sizes.redis
  password  = local.passwords.redis
  revision  = var.revisions.redis
}

module "object_storage" {
  source = "../../modules/kubernetes/object-storage"

  namespace                = module.namespace.name
  image                    = local.images["${local.ours}cmd/maas"]
  size                     = var.sizes.object_storage
  storage_gib              = var.storage_gib.object_storage
  volume                   = { node = { name = var.node.name, path = terraform_data.folder["object-storage"].output } }
  secret_access_key        = local.passwords.store
  reader_secret_access_key = local.passwords.reader
  revision                 = var.revisions.store
  public                   = { host = try(local.addresses[var.node.name][0], "unknown"), port = var.store_port }
}

module "binding" {
  source = "../../modules/binding"

  postgres       = module.postgres
  redis          = module.redis
  object_storage = module.object_storage

  owner_password = local.passwords.owner
  login_password = local.passwords.login
  redis_password = local.passwords.redis
  store_credentials = {
    functions = { access_key_id = module.object_storage.access_key_id, secret_access_key = local.passwords.store }
    models    = { access_key_id = module.object_storage.reader_access_key_id, secret_access_key = local.passwords.reader }
  }
  keys        = { service = local.key, signing = sensitive(file("${var.keys}/signing.json")) }
  verify_keys = file("${var.keys}/verify.json")
  revisions   = var.revisions

  trusted_proxies = var.trusted_proxies
  migrate_image   = local.images["${local.ours}cmd/maas"]
}

module "functions" {
  source = "../../modules/functions"

  overlay  = "local"
  images   = { for name, image in local.images : name => image if startswith(name, "ko://") }
  settings = var.settings
  binding  = module.binding.done
}
