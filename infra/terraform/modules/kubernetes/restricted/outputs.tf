output "pod" {
  description = "The pod's securityContext."
  value       = local.pod
}

output "container" {
  description = "Each container's securityContext."
  value       = local.container
}
