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

run "a_role_is_of_use_to_its_pod_alone" {
  assert {
    condition = alltrue([for key, role in aws_iam_role.this :
      length(jsondecode(role.assume_role_policy).Statement) == 1 &&
      jsondecode(role.assume_role_policy).Statement[0].Principal == { Service = "pods.eks.amazonaws.com" } &&
      jsondecode(role.assume_role_policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == var.cluster_arn
    ])
    error_message = "Others than pods of this cluster can assume a role."
  }
  assert {
    condition = jsondecode(aws_iam_role.this["sweep"].assume_role_policy).Statement[0].Condition.StringEquals == {
      "aws:SourceAccount"                         = "123456789012"
      "aws:RequestTag/kubernetes-namespace"       = "maas"
      "aws:RequestTag/kubernetes-service-account" = "sweep"
    }
    error_message = "Other pods can assume sweep's role."
  }
}
