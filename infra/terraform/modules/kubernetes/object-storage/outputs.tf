output "endpoint" {
  description = "Where functions reach the store, once it answers."
  value       = "http://${local.host}:${local.port}"
  depends_on  = [kubernetes_manifest.server]
}

output "public_endpoint" {
  description = "Where clients reach it; null where they cannot."
  value       = var.public == null ? null : "http://${var.public.host}:${var.public.port}"
}

output "bucket" {
  description = "The bucket."
  value       = var.bucket
}

output "region" {
  description = "What clients sign for."
  value       = var.region
}

output "access_key_id" {
  description = "The id that belongs to this revision's secret access key, once the server knows it."
  value       = "maas-${local.turn}"
  depends_on  = [kubernetes_manifest.server]
}

output "reader_access_key_id" {
  description = "The id that belongs to this revision's reader_secret_access_key, once the server knows it."
  value       = "maas-reader-${local.turn}"
  depends_on  = [kubernetes_manifest.server]
}
