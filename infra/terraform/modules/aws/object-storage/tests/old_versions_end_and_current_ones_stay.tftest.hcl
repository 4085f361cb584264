mock_provider "aws" {
  source = "../mocks"
}

variables {
  name = "maas-files"
}

run "old_versions_end_and_current_ones_stay" {
  assert {
    condition = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      rule.status == "Enabled" && rule.filter[0].prefix == "t/" && try(rule.noncurrent_version_expiration[0].noncurrent_days, 0) == 35
    ])
    error_message = "What was deleted stays for ever."
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : alltrue([for e in rule.expiration : e.days == null && e.date == null])])
    error_message = "Objects that a row needs expire."
  }
}
