output "host" {
  description = "The host that the Gateway answers for."
  value       = merge(local.defaults, var.settings)["host"]
}

output "functions" {
  description = "The functions that are deployed and ready."
  value       = sort([for manifest in kubernetes_manifest.functions : manifest.manifest.metadata.name])
}
