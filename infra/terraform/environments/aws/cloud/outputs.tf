output "cluster" {
  description = "What ../cluster is told of the cloud. Nothing in it is secret: terraform output -json cluster."
  value = {
    postgres = {
      host     = module.postgres.host
      port     = module.postgres.port
      database = module.postgres.database
      owner    = module.postgres.owner
      tls      = module.postgres.tls
      ca       = module.postgres.ca
    }
    redis = {
      host = module.redis.host
      port = module.redis.port
      user = module.redis.user
      tls  = module.redis.tls
      iam  = module.redis.iam
    }
    object_storage = {
      endpoint        = module.object_storage.endpoint
      public_endpoint = module.object_storage.public_endpoint
      bucket          = module.object_storage.bucket
      region          = module.object_storage.region
    }
    kubernetes = var.cluster_arn == null ? null : {
      name     = one(data.aws_eks_cluster.this[*].name)
      region   = var.region
      endpoint = one(data.aws_eks_cluster.this[*].endpoint)
      ca       = one(data.aws_eks_cluster.this[*].certificate_authority[0].data)
    }
  }
}

output "owner_secret_arn" {
  description = "Where the database owner's password is, for the migration alone: aws secretsmanager get-secret-value --secret-id ARN."
  value       = module.postgres.owner_secret_arn
}

output "network" {
  description = "The network that was made, for the cluster that is to be made in it; null where the cluster's was there."
  value = var.network == null ? null : {
    vpc_id             = one(module.network[*].vpc_id)
    private_subnet_ids = one(module.network[*].private_subnet_ids)
    public_subnet_ids  = one(module.network[*].public_subnet_ids)
    data_cidrs         = one(module.network[*].data_cidrs)
  }
}

output "roles" {
  description = "The ARN of each function's role."
  value       = one(module.identity[*].roles)
}
