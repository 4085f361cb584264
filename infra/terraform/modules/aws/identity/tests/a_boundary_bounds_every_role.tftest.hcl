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

run "a_boundary_bounds_every_role" {
  variables {
    permissions_boundary = "arn:aws:iam::123456789012:policy/boundary"
  }
  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"])
    error_message = "A role is not bounded."
  }
}
