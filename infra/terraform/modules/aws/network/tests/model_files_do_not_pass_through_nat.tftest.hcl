mock_provider "aws" {
  source = "../mocks"
}

variables {
  name  = "maas"
  zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
}

run "model_files_do_not_pass_through_nat" {
  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3" && length(aws_vpc_endpoint.s3.route_table_ids) > 0
    error_message = "S3 is reached by way of NAT."
  }
}
