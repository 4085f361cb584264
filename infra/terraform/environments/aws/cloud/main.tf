# What functions stand on in AWS. The cluster is somebody else's; ../cluster is what goes into it.

provider "aws" {
  region = var.region
  # Credentials of another account than the cluster's make nothing.
  allowed_account_ids = var.cluster_arn == null ? null : [split(":", var.cluster_arn)[4]]

  default_tags {
    tags = merge({ "app.kubernetes.io/part-of" = "maas", installation = var.name }, var.tags)
  }
}

data "aws_caller_identity" "this" {}

data "aws_eks_cluster" "this" {
  count = var.cluster_arn == null ? 0 : 1

  name = split("/", var.cluster_arn)[1]

  lifecycle {
    postcondition {
      condition     = self.status == "ACTIVE"
      error_message = "The cluster is ${self.status}: wait until it is ACTIVE, and apply again."
    }
  }
}

locals {
  vpc_id     = var.network == null ? one(data.aws_eks_cluster.this[*].vpc_config[0].vpc_id) : one(module.network[*].vpc_id)
  subnet_ids = var.network == null ? var.subnet_ids : one(module.network[*].data_subnet_ids)
  clients    = merge(var.clients, var.cluster_arn == null ? {} : { cluster = one(data.aws_eks_cluster.this[*].vpc_config[0].cluster_security_group_id) })
}

module "network" {
  source = "../../../modules/aws/network"
  count  = var.network == null ? 0 : 1

  name  = var.name
  cidr  = var.network.cidr
  zones = var.network.zones
}

module "postgres" {
  source = "../../../modules/aws/postgres"

  name                = var.name
  size                = var.size
  instance_class      = var.instance_class
  storage_gib         = var.storage_gib
  backup_days         = var.backup_days
  deletion_protection = var.deletion_protection
  iam                 = var.database_iam
  ca                  = file(var.database_ca_file)
  vpc_id              = local.vpc_id
  subnet_ids          = local.subnet_ids
  clients             = local.clients
}

module "redis" {
  source = "../../../modules/aws/redis"

  name       = var.name
  size       = var.size
  node_type  = var.node_type
  replicas   = var.size == "large" ? 2 : 1
  vpc_id     = local.vpc_id
  subnet_ids = local.subnet_ids
  clients    = local.clients
}

module "object_storage" {
  source = "../../../modules/aws/object-storage"

  name                = coalesce(var.bucket, "${var.name}-${data.aws_caller_identity.this.account_id}-${var.region}")
  keep_deleted_days   = var.keep_deleted_days
  log_bucket          = var.log_bucket
  deletion_protection = var.deletion_protection
  private_endpoint    = var.private_store ? { vpc_id = local.vpc_id, subnet_ids = local.subnet_ids, clients = local.clients } : null
}

module "identity" {
  source = "../../../modules/aws/identity"
  count  = var.cluster_arn == null ? 0 : 1

  name                   = var.name
  cluster_arn            = var.cluster_arn
  object_storage         = { bucket_arn = module.object_storage.bucket_arn, kms_key_arn = module.object_storage.kms_key_arn }
  redis                  = { connect_arns = module.redis.connect_arns }
  models_service_account = var.models_service_account
  permissions_boundary   = var.permissions_boundary
}
