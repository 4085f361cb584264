mock_provider "aws" {
  source = "../mocks"
}

variables {
  name = "maas-files"
}

run "tls_alone_is_spoken" {
  assert {
    condition = anytrue([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      s.Effect == "Deny" && s.Principal == "*" && s.Action == "s3:*" && try(s.Condition.Bool["aws:SecureTransport"], "") == "false" &&
      toset(s.Resource) == toset(["arn:aws:s3:::maas-files", "arn:aws:s3:::maas-files/*"])
    ])
    error_message = "Somebody may speak to the bucket without TLS."
  }
  assert {
    condition     = anytrue([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : try(s.Condition.NumericLessThan["s3:TlsVersion"], "") == "1.2"])
    error_message = "Somebody may speak to the bucket by a TLS of yesterday."
  }
  assert {
    condition     = startswith(output.endpoint, "https://") && startswith(output.public_endpoint, "https://")
    error_message = "The store is given out by an address without TLS."
  }
}
