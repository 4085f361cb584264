mock_provider "aws" {
  source = "../mocks"
}

variables {
  name  = "maas"
  zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
}

run "nothing_is_public" {
  assert {
    condition     = !anytrue([for subnet in concat(values(aws_subnet.private), values(aws_subnet.data), values(aws_subnet.public)) : coalesce(subnet.map_public_ip_on_launch, false)])
    error_message = "What starts in a subnet gets an address outside."
  }
  assert {
    condition     = aws_route.internet.route_table_id == aws_route_table.public.id && alltrue([for route in aws_route.nat : route.gateway_id == null])
    error_message = "Others than load balancers are reached from outside."
  }
  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "What has no group of its own reaches others."
  }
}
