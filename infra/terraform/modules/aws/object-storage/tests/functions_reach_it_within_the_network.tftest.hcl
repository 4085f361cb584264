mock_provider "aws" {
  source = "../mocks"
}

variables {
  name = "maas-files"
  private_endpoint = {
    vpc_id     = "vpc-0123456789abcdef0"
    subnet_ids = ["subnet-1", "subnet-2"]
    clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
  }
}

run "functions_reach_it_within_the_network" {
  assert {
    condition     = output.endpoint == "https://bucket.vpce-0123456789abcdef0-abcdefgh.s3.eu-central-1.vpce.amazonaws.com"
    error_message = "Functions reach the store by other addresses than the network's."
  }
  assert {
    condition     = output.public_endpoint == "https://s3.eu-central-1.amazonaws.com"
    error_message = "Clients are given addresses that they cannot reach."
  }
}

run "by_this_way_there_is_this_bucket_alone" {
  assert {
    condition     = jsondecode(aws_vpc_endpoint.this[0].policy).Statement[0].Resource == ["arn:aws:s3:::maas-files", "arn:aws:s3:::maas-files/*"]
    error_message = "Other buckets can be reached, and models carried off to them."
  }
  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.endpoint : rule.referenced_security_group_id] == ["sg-0aaaaaaaaaaaaaaaa"]
    error_message = "Others than the clients reach the endpoint."
  }
}

run "nobody_elses_way_changes" {
  assert {
    condition     = !aws_vpc_endpoint.this[0].private_dns_enabled
    error_message = "The whole network's way to S3 is this endpoint."
  }
}
