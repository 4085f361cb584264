mock_provider "aws" {
  source = "../mocks"
}

variables {
  name  = "maas"
  zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
}

run "who_speaks_to_whom_is_kept" {
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.retention_in_days == 365
    error_message = "It is not kept who speaks to whom."
  }
  assert {
    condition     = aws_cloudwatch_log_group.flow.kms_key_id == aws_kms_key.flow.arn && aws_kms_key.flow.enable_key_rotation
    error_message = "What is kept is not encrypted."
  }
  assert {
    condition     = alltrue([for s in jsondecode(aws_iam_role_policy.flow.policy).Statement : s.Resource == "${aws_cloudwatch_log_group.flow.arn}:*"])
    error_message = "The network writes into other logs too."
  }
}
