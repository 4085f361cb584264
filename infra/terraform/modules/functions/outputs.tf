output "host" {
  description = "The host that the Gateway answers for."
  value       = merge(local.defaults, var.settings)["host"]
}

output "port" {
  description = "The Gateway's port."
  value       = merge(local.defaults, var.settings)["gateway-port"]
}

output "functions" {
  description = "The functions that are deployed and ready."
  value       = sort([for manifest in kubernetes_manifest.functions : manifest.manifest.metadata.name])
}
