output "clients" {
  description = "The pods that may connect; all may where clients come from outside."
  value       = var.clients
}
