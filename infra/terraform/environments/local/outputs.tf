output "address" {
  description = "MaaS's address, for MAAS_SERVER; its host has to lead to the node."
  value       = "http://${module.functions.host}:${module.functions.port}"
}

output "functions" {
  description = "The functions that are ready."
  value       = module.functions.functions
}
