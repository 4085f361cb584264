output "host" {
  description = "The server's name, once it answers."
  value       = local.host
  depends_on  = [kubernetes_manifest.server]
}

output "port" {
  description = "Its port."
  value       = local.port
}

output "user" {
  description = "Whom functions log in as, with the password of this revision."
  value       = local.user
}

output "tls" {
  description = "Whether the server speaks TLS: within the cluster it does not."
  value       = false
}

output "ca" {
  description = "What a client checks the server's certificate by, in PEM: it has none."
  value       = null
}
