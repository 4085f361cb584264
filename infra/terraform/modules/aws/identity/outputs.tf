output "roles" {
  description = "The ARN of the role of each function, and of fetch."
  value       = { for key, role in aws_iam_role.this : key => role.arn }
}
