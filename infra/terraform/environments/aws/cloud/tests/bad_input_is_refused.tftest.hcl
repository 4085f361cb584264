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

run "a_region_that_is_a_zone" {
  command = plan

  variables {
    region = "eu-central-1a"
  }
  expect_failures = [var.region]
}

run "a_region_that_is_not_the_clusters" {
  command = plan

  variables {
    region = "us-east-1"
  }
  expect_failures = [var.cluster_arn]
}

run "a_name_with_a_semicolon" {
  command = plan

  variables {
    name = "maas;rm"
  }
  expect_failures = [var.name]
}

run "a_cluster_by_its_name" {
  command = plan

  variables {
    cluster_arn = "production"
  }
  expect_failures = [var.cluster_arn]
}

run "neither_a_cluster_nor_a_network" {
  command = plan

  variables {
    cluster_arn = null
  }
  expect_failures = [var.cluster_arn]
}

run "subnets_and_a_network" {
  command = plan

  variables {
    network = { zones = ["eu-central-1a", "eu-central-1b"] }
  }
  expect_failures = [var.subnet_ids]
}

run "a_network_of_another_region" {
  command = plan

  variables {
    subnet_ids = null
    network    = { zones = ["us-east-1a", "us-east-1b"] }
  }
  expect_failures = [var.network]
}

run "a_size_that_does_not_exist" {
  command = plan

  variables {
    size = "tiny"
  }
  expect_failures = [var.size]
}

run "clients_by_address" {
  command = plan

  variables {
    clients = { all = "0.0.0.0/0" }
  }
  expect_failures = [var.clients]
}

run "objects_that_are_gone_before_the_backups" {
  command = plan

  variables {
    keep_deleted_days = 10
  }
  expect_failures = [var.keep_deleted_days]
}

run "an_authority_that_is_not_there" {
  command = plan

  variables {
    database_ca_file = "nowhere.pem"
  }
  expect_failures = [var.database_ca_file]
}

