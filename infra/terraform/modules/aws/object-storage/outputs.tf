locals {
  # The suffix differs in China alone, of the partitions that have S3.
  suffix   = data.aws_partition.this.dns_suffix
  endpoint = "https://s3.${data.aws_region.this.name}.${local.suffix}"
  # "*.vpce-….s3.REGION.vpce.amazonaws.com": of the names below it, "bucket" is the one for paths.
  private = [for e in aws_vpc_endpoint.this : "https://${replace(e.dns_entry[0].dns_name, "*", "bucket")}"]
}

output "endpoint" {
  description = "Where functions reach the store."
  value       = coalesce(one(local.private), local.endpoint)
}

output "public_endpoint" {
  description = "Where clients reach the store, by addresses that functions have signed."
  value       = local.endpoint
}

output "bucket" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.bucket

  # Whoever is given the bucket's name finds it closed and encrypted.
  depends_on = [
    aws_s3_bucket_policy.this, aws_s3_bucket_ownership_controls.this, aws_s3_bucket_versioning.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
  ]
}

output "region" {
  description = "What requests are signed for."
  value       = data.aws_region.this.name
}

output "bucket_arn" {
  description = "The bucket, for policies."
  value       = aws_s3_bucket.this.arn
}

output "kms_key_arn" {
  description = "The key of the objects, for policies."
  value       = aws_kms_key.this.arn
}
