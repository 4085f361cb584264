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

run "nothing_is_public" {
  assert {
    condition     = !aws_db_instance.this.publicly_accessible
    error_message = "The database has an address outside."
  }
  assert {
    condition     = [for rule in aws_vpc_security_group_ingress_rule.clients : rule.referenced_security_group_id] == ["sg-0aaaaaaaaaaaaaaaa"]
    error_message = "Others than the clients reach the database."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.prefix_list_id == null && rule.from_port == 5432 && rule.to_port == 5432])
    error_message = "Clients are named by addresses, or reach more than the database's port."
  }
}
