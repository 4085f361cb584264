mock_provider "aws" {
  source = "../mocks"
}

variables {
  name       = "maas"
  ca         = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
}

run "it_survives_a_zone" {
  assert {
    condition     = aws_db_instance.this.multi_az && length(aws_db_subnet_group.this.subnet_ids) >= 2
    error_message = "Nothing stands by in another zone."
  }
}
