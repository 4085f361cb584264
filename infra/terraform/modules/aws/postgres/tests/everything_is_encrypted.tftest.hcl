mock_provider "aws" {
  source = "../mocks"
}

variables {
  name       = "maas"
  ca         = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
}

run "everything_is_encrypted" {
  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.kms_key_id == aws_kms_key.this.arn
    error_message = "The storage is not encrypted by the key of its own."
  }
  assert {
    condition     = aws_db_instance.this.performance_insights_kms_key_id == aws_kms_key.this.arn && aws_cloudwatch_log_group.this.kms_key_id == aws_kms_key.this.arn
    error_message = "Performance Insights or the log is not encrypted by the key of its own."
  }
  assert {
    condition     = { for p in aws_db_parameter_group.this.parameter : p.name => p.value }["rds.force_ssl"] == "1" && output.tls
    error_message = "The server takes connections without TLS."
  }
  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "The key does not rotate."
  }
}
