mock_provider "aws" {
  source = "../mocks"
}

variables {
  name = "maas-files"
}

run "uploads_that_nobody_completes_end" {
  assert {
    condition = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      rule.status == "Enabled" && rule.filter[0].prefix == "t/" && try(rule.abort_incomplete_multipart_upload[0].days_after_initiation, 0) == 10
    ])
    error_message = "Parts stay for ever, or end while an upload may go on."
  }
}
