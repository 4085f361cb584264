output "host" {
  description = "The server's name, once it answers."
  value       = local.host
  depends_on  = [kubernetes_manifest.server]
}

output "port" {
  description = "Its port."
  value       = local.port
}

output "database" {
  description = "The database's name."
  value       = local.database
}

output "owner" {
  description = "Whom migrations come as: a superuser, as PostgreSQL 15 asks of whoever makes a role that bypasses row-level security."
  value       = local.owner
}

output "ca" {
  description = "What a client checks the server's certificate by, in PEM; null without TLS."
  value       = try(var.tls.ca, null)
}

output "tls" {
  description = "Whether the server speaks TLS, and nothing else."
  value       = local.tls
}
