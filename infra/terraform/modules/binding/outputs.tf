output "done" {
  description = "Known once all that functions mount is there and the schema is up."
  value = sha256(join(" ", concat(
    [kubernetes_secret_v1.database.id, kubernetes_config_map_v1.functions.id, kubernetes_config_map_v1.verify_keys.id, kubernetes_config_map_v1.models.id],
    values(kubernetes_secret_v1.this)[*].id,
    kubernetes_secret_v1.models_store[*].id,
  )))
}

output "login" {
  description = "The database's role that functions come as."
  value       = local.login
}

output "namespaces" {
  description = "Where functions and models run."
  value       = { functions = local.functions, models = local.models }
}

output "written" {
  description = "What each Secret was last written for: another number whenever it is written anew."
  value = merge(
    { for name, secret in kubernetes_secret_v1.this : name => secret.data_wo_revision },
    { maas-database = kubernetes_secret_v1.database.data_wo_revision },
  )
}

output "migration" {
  description = "The Job that brought the schema up and made the login good: another for another image, login, owner or address."
  value       = one(keys(kubernetes_manifest.migrate))
}
