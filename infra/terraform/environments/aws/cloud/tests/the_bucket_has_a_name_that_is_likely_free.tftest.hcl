mock_provider "aws" {
  source = "../../../modules/aws/mocks"
}

override_data {
  target = data.aws_eks_cluster.this
  values = {
    name                  = "production"
    status                = "ACTIVE"
    endpoint              = "https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com"
    certificate_authority = [{ data = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t" }]
    vpc_config            = [{ vpc_id = "vpc-0c1u5te00000000000", cluster_security_group_id = "sg-0c1u5te0000000000" }]
  }
}

variables {
  region           = "eu-central-1"
  cluster_arn      = "arn:aws:eks:eu-central-1:123456789012:cluster/production"
  subnet_ids       = ["subnet-1", "subnet-2"]
  database_ca_file = "tests/ca.pem"
}

run "by_account_and_region" {
  command = plan

  assert {
    condition     = output.cluster.object_storage.bucket == "maas-123456789012-eu-central-1"
    error_message = "The bucket is named as others may have named theirs."
  }
}

run "a_name_of_ones_own" {
  command = plan

  variables {
    bucket = "acme-models"
  }
  assert {
    condition     = output.cluster.object_storage.bucket == "acme-models"
    error_message = "The bucket has another name than the one that was given."
  }
}
