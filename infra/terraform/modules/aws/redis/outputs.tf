output "host" {
  description = "The primary's name, which follows a fail-over."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "port" {
  description = "The server's port."
  value       = aws_elasticache_replication_group.this.port
}

output "user" {
  description = "Whom functions log in as."
  value       = aws_elasticache_user.functions.user_name
}

output "tls" {
  description = "Whether the server speaks TLS, and nothing else."
  value       = aws_elasticache_replication_group.this.transit_encryption_enabled
}

output "ca" {
  description = "What a client checks the server's certificate by, in PEM; null: what every system trusts already, as Amazon's authority."
  value       = null
}

output "iam" {
  description = "What a token is signed for in the place of a password: the replication group and its region."
  value       = { cache = aws_elasticache_replication_group.this.replication_group_id, region = data.aws_region.this.name }
}

output "connect_arns" {
  description = "What a policy has to allow elasticache:Connect for."
  value       = [aws_elasticache_replication_group.this.arn, aws_elasticache_user.functions.arn]
}

output "security_group_id" {
  description = "The cache's security group."
  value       = aws_security_group.this.id
}
