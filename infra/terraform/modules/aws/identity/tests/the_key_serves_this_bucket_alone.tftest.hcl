mock_provider "aws" {
  source = "../mocks"
}

variables {
  name        = "maas"
  cluster_arn = "arn:aws:eks:eu-central-1:123456789012:cluster/production"
  object_storage = {
    bucket_arn  = "arn:aws:s3:::maas-files"
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }
  redis = {
    connect_arns = [
      "arn:aws:elasticache:eu-central-1:123456789012:replicationgroup:maas",
      "arn:aws:elasticache:eu-central-1:123456789012:user:maas",
    ]
  }
}

run "the_key_serves_this_bucket_alone" {
  assert {
    condition = alltrue(flatten([for p in aws_iam_role_policy.this : [for s in jsondecode(p.policy).Statement :
      s.Condition.StringEquals == { "kms:ViaService" = "s3.eu-central-1.amazonaws.com", "kms:EncryptionContext:aws:s3:arn" = "arn:aws:s3:::maas-files" }
      if contains(s.Action, "kms:Decrypt")
    ]]))
    error_message = "The key can be used for something else than the bucket's objects."
  }
  assert {
    condition = alltrue([for key, p in aws_iam_role_policy.this :
      strcontains(p.policy, "kms:GenerateDataKey") == strcontains(p.policy, "s3:PutObject")
    ])
    error_message = "Who writes cannot encrypt, or who does not can."
  }
}
