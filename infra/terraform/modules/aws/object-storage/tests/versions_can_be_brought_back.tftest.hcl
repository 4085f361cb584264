mock_provider "aws" {
  source = "../mocks"
}

variables {
  name = "maas-files"
}

run "versions_can_be_brought_back" {
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled" && !aws_s3_bucket.this.force_destroy
    error_message = "What is deleted by mistake is lost."
  }
}

run "a_bucket_that_is_not_protected_goes_with_its_objects" {
  variables {
    deletion_protection = false
  }
  assert {
    condition     = aws_s3_bucket.this.force_destroy
    error_message = "destroy does not come to its end."
  }
}
