# What goes into the cluster: the objects that functions mount, and the functions. Nothing here is a resource of AWS.

# Of variables, and not of another state's resources: this state can be read while the cluster is away. The token is good for minutes, and in no state.
provider "kubernetes" {
  host                   = var.cluster.kubernetes.endpoint
  cluster_ca_certificate = base64decode(var.cluster.kubernetes.ca)

  exec {
    api_version = "client.authentication.k8s.io/v1"
    command     = "aws"
    args        = ["eks", "get-token", "--region", var.cluster.kubernetes.region, "--cluster-name", var.cluster.kubernetes.name]
  }
}

locals {
  images  = { for line in split("\n", trimspace(file(var.images))) : split(" ", line)[0] => split(" ", line)[1] }
  migrate = "ko://github.com/17882237881/MaaS/cmd/maas" # as knative/migrate names it
}

module "binding" {
  source = "../../../modules/binding"

  postgres       = var.cluster.postgres
  redis          = var.cluster.redis
  object_storage = var.cluster.object_storage

  owner_password  = var.owner_password
  login_password  = var.login_password
  identity_by_pod = true # at the store and at the cache: there is no key and no password to bring
  keys            = var.keys
  verify_keys     = var.verify_keys
  revisions       = { owner = var.revisions.database, login = var.revisions.database, keys = var.revisions.keys }

  config = merge(var.config, {
    REDIS_IAM_CACHE  = var.cluster.redis.iam.cache
    REDIS_IAM_REGION = var.cluster.redis.iam.region
  })
  trusted_proxies = var.trusted_proxies
  sink            = var.sink
  migrate_image   = local.images[local.migrate]
}

module "functions" {
  source = "../../../modules/functions"

  overlay  = "production"
  images   = local.images
  settings = var.settings
  binding  = module.binding.done
}
