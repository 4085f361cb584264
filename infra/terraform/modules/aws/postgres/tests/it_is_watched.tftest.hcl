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

run "it_is_watched" {
  assert {
    condition     = aws_db_instance.this.performance_insights_enabled && aws_db_instance.this.monitoring_interval == 60
    error_message = "Nobody sees what the database does."
  }
  assert {
    condition     = contains(aws_db_instance.this.enabled_cloudwatch_logs_exports, "postgresql") && aws_cloudwatch_log_group.this.name == "/aws/rds/instance/maas/postgresql"
    error_message = "The server's log is not kept where its end and its key are."
  }
  assert {
    condition     = !contains([for p in aws_db_parameter_group.this.parameter : p.name], "log_statement")
    error_message = "All statements are logged, passwords of roles among them."
  }
}
