output "host" {
  description = "The server's name, which follows a fail-over."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "The server's port."
  value       = aws_db_instance.this.port
}

output "database" {
  description = "The database's name."
  value       = aws_db_instance.this.db_name
}

output "owner" {
  description = "The user that owns the database, for the migration alone."
  value       = aws_db_instance.this.username
}

output "tls" {
  description = "Whether the server speaks TLS, and nothing else."
  value       = true
}

output "ca" {
  description = "What a client checks the server's certificate by, in PEM."
  value       = trimspace(var.ca)
}

output "owner_secret_arn" {
  description = "Where Secrets Manager keeps the owner's password: JSON with username and password."
  value       = one(aws_db_instance.this.master_user_secret[*].secret_arn)
}

output "resource_id" {
  description = "The instance's id that never changes: for a policy that allows rds-db:connect, and for metrics."
  value       = aws_db_instance.this.resource_id
}

output "security_group_id" {
  description = "The database's security group."
  value       = aws_security_group.this.id
}
