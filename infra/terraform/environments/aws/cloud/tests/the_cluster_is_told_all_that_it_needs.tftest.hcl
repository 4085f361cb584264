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

run "the_cluster_is_told_all_that_it_needs" {
  assert {
    condition     = output.cluster.postgres.owner == "maas_owner" && output.cluster.postgres.tls && strcontains(output.cluster.postgres.ca, "BEGIN CERTIFICATE")
    error_message = "The database is not given as binding takes it."
  }
  assert {
    condition     = output.cluster.redis.tls && output.cluster.redis.iam == { cache = "maas", region = "eu-central-1" }
    error_message = "The cache is not given as binding takes it."
  }
  assert {
    condition     = strcontains(output.cluster.object_storage.endpoint, ".vpce.") && output.cluster.object_storage.public_endpoint == "https://s3.eu-central-1.amazonaws.com"
    error_message = "The store is not given as binding takes it."
  }
  assert {
    condition     = output.cluster.kubernetes.name == "production" && startswith(output.cluster.kubernetes.endpoint, "https://")
    error_message = "The cluster is not told where it is."
  }
  assert {
    condition     = !can(regex("(?i)password|secret_access|token", jsonencode(output.cluster)))
    error_message = "What goes from state to state has a secret in it."
  }
}
