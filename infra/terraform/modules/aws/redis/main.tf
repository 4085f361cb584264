# ElastiCache for Valkey: a primary and replicas in other zones, TLS alone, logins by IAM alone, so that there is no password to keep or to
# rotate. Nothing is kept on a disk: what the cache holds may be lost.

locals {
  types = {
    small  = "cache.t4g.small"
    medium = "cache.m7g.large"
    large  = "cache.r7g.xlarge"
  }
  # What shared/cache sends, what its scripts call (get, getrange, pttl, publish, set), and what the client says when it connects.
  commands = [
    "auth", "hello", "ping", "client|setinfo", "client|setname",
    "get", "getrange", "mget", "pttl", "set", "del",
    "eval", "evalsha", "publish", "subscribe", "unsubscribe",
  ]
}

data "aws_region" "this" {}

resource "aws_kms_key" "this" {
  #checkov:skip=CKV2_AWS_64:the key's policy is AWS's own default, which leaves it to the account's IAM
  description             = "${var.name}: the cache's swap"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-redis"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_elasticache_subnet_group" "this" {
  name        = var.name
  description = "${var.name}: where the cache is"
  subnet_ids  = var.subnet_ids
}

resource "aws_security_group" "this" {
  name        = "${var.name}-redis"
  description = "${var.name}: who reaches the cache; it reaches nobody"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-redis" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.clients

  security_group_id            = aws_security_group.this.id
  description                  = "Redis from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.name}-valkey8"
  description = "${var.name}: a cache"
  family      = "valkey8"

  parameter {
    name  = "maxmemory-policy"
    value = "allkeys-lru" # as the stores of one machine have it
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Users of the engine "redis" serve Valkey too; provider and API know none of the engine "valkey" in this version.
resource "aws_elasticache_user" "functions" {
  user_id       = var.name
  user_name     = var.name # the same, as logins by IAM demand
  engine        = "REDIS"
  access_string = "on ~maas:* resetchannels &maas:* -@all ${join(" ", [for c in local.commands : "+${c}"])}"

  authentication_mode {
    type = "iam"
  }
}

# Each group has to have a user of this name. This one may not log in, and could do nothing if it did.
resource "aws_elasticache_user" "default" {
  user_id       = "${var.name}-default"
  user_name     = "default"
  engine        = "REDIS"
  access_string = "off resetchannels -@all"

  authentication_mode {
    type = "no-password-required"
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "REDIS"
  user_ids      = [aws_elasticache_user.default.user_id, aws_elasticache_user.functions.user_id]
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31:it asks for an auth token, a password for everybody; users log in by IAM, which excludes one
  replication_group_id = var.name
  description          = "${var.name}: answers that may be lost"
  engine               = "valkey"
  engine_version       = "8.0"
  node_type            = coalesce(var.node_type, local.types[var.size])
  parameter_group_name = aws_elasticache_parameter_group.this.name
  port                 = 6379

  num_cache_clusters         = 1 + var.replicas
  automatic_failover_enabled = true
  multi_az_enabled           = true

  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.this.id]
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.this.arn

  snapshot_retention_limit   = 0
  maintenance_window         = var.maintenance_window
  auto_minor_version_upgrade = true
  apply_immediately          = var.apply_immediately
}
