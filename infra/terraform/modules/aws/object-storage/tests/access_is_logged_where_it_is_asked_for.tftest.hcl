mock_provider "aws" {
  source = "../mocks"
}

variables {
  name = "maas-files"
}

run "no_log_bucket" {
  assert {
    condition     = length(aws_s3_bucket_logging.this) == 0
    error_message = "Access is logged nowhere in particular."
  }
}

run "a_log_bucket" {
  variables {
    log_bucket = "our-access-logs"
  }
  assert {
    condition     = aws_s3_bucket_logging.this[0].target_bucket == "our-access-logs" && aws_s3_bucket_logging.this[0].target_prefix == "maas-files/"
    error_message = "Access is logged elsewhere."
  }
}
