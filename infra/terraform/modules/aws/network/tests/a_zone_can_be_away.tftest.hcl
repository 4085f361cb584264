mock_provider "aws" {
  source = "../mocks"
}

variables {
  name  = "maas"
  zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
}

run "a_zone_can_be_away" {
  assert {
    condition     = length(output.private_subnet_ids) == 3 && length(output.data_subnet_ids) == 3 && length(aws_nat_gateway.this) == 3
    error_message = "A zone has no subnets, or goes out by another's gateway."
  }
}
