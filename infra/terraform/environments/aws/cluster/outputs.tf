output "host" {
  description = "The host that the Gateway answers for."
  value       = module.functions.host
}

output "functions" {
  description = "The functions that are deployed and ready."
  value       = module.functions.functions
}
