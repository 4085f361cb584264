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

run "a_network_can_be_made_before_its_cluster" {
  variables {
    cluster_arn = null
    subnet_ids  = null
    network     = { zones = ["eu-central-1a", "eu-central-1b"] }
    clients     = { bastion = "sg-0ba5710n000000000" }
  }
  assert {
    condition     = length(module.network) == 1 && length(module.identity) == 0 && output.cluster.kubernetes == null
    error_message = "Roles are associated with a cluster that is not there, or there is no network for one."
  }
  assert {
    condition     = length(output.network.private_subnet_ids) == 2
    error_message = "The network has no subnets for a cluster."
  }
}
