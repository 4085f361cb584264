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

run "an_existing_cluster_is_the_normal_case" {
  assert {
    condition     = length(module.network) == 0 && output.network == null && local.vpc_id == "vpc-0c1u5te00000000000"
    error_message = "A network is made beside the cluster's."
  }
  assert {
    condition     = local.clients == tomap({ cluster = "sg-0c1u5te0000000000" })
    error_message = "Others than the cluster reach the database and the cache."
  }
}
