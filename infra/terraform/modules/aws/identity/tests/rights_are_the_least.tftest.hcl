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

run "nothing_is_allowed_by_a_wildcard" {
  assert {
    condition     = alltrue(flatten([for p in aws_iam_role_policy.this : [for s in jsondecode(p.policy).Statement : [for a in s.Action : !strcontains(a, "*")]]]))
    error_message = "A role may do anything of some kind."
  }
  assert {
    condition     = alltrue(flatten([for p in aws_iam_role_policy.this : [for s in jsondecode(p.policy).Statement : [for r in s.Resource : r != "*" && !endswith(r, "maas-files/*") && !endswith(r, "t/*")]]]))
    error_message = "A role reaches what is not named."
  }
}

run "who_takes_chunks_in_can_only_write_files" {
  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.this["upload-chunk"].policy).Statement : s if !contains(s.Action, "kms:Decrypt")] == [{
      Effect   = "Allow"
      Action   = ["s3:PutObject"]
      Resource = ["arn:aws:s3:::maas-files/t/????????-????-????-????-????????????/????????-????-????-????-????????????"]
    }]
    error_message = "upload-chunk may do more than to send parts."
  }
}

run "who_publishes_reaches_manifests_alone" {
  assert {
    condition = alltrue(flatten([for s in jsondecode(aws_iam_role_policy.this["publish-version"].policy).Statement :
      [for r in s.Resource : !startswith(r, "arn:aws:s3:::") || endswith(r, "/manifests/*")]
    ]))
    error_message = "publish-version reaches files."
  }
}

run "only_verification_and_sweep_delete" {
  assert {
    condition     = toset([for key, p in aws_iam_role_policy.this : key if strcontains(p.policy, "s3:DeleteObject")]) == toset(["sweep", "verify-upload"])
    error_message = "Others delete too."
  }
  assert {
    condition     = !anytrue([for p in aws_iam_role_policy.this : strcontains(p.policy, "Version\",") || strcontains(p.policy, "s3:DeleteObjectVersion") || strcontains(p.policy, "s3:Bypass")])
    error_message = "Old versions, which bring back what was deleted, can be deleted."
  }
}

run "model_servers_files_are_only_read" {
  assert {
    condition     = toset(flatten([for s in jsondecode(aws_iam_role_policy.this["fetch"].policy).Statement : s.Action])) == toset(["s3:GetObject", "kms:Decrypt"])
    error_message = "What fetches a model's files may do more than to read."
  }
}
