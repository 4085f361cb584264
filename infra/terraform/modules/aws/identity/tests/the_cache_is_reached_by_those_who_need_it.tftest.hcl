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

run "the_cache_is_reached_by_those_who_need_it" {
  assert {
    condition     = toset([for key, p in aws_iam_role_policy.this : key if strcontains(p.policy, "elasticache:")]) == toset(local.cached)
    error_message = "Others log in to the cache, or those who need it do not."
  }
}

run "a_cache_elsewhere_asks_for_no_role" {
  variables {
    redis = null
  }
  assert {
    condition     = !anytrue([for p in aws_iam_role_policy.this : strcontains(p.policy, "elasticache:")]) && !contains(keys(output.roles), "infer")
    error_message = "There are roles for a cache that is not there."
  }
}
