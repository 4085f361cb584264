mock_provider "aws" {
  source = "../mocks"
}

variables {
  name  = "maas"
  zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
}

run "of_a_16" {
  assert {
    condition     = [for zone in var.zones : aws_subnet.private[zone].cidr_block] == ["10.0.0.0/19", "10.0.32.0/19", "10.0.64.0/19"]
    error_message = "Nodes have other addresses."
  }
  assert {
    condition     = [for zone in var.zones : aws_subnet.public[zone].cidr_block] == ["10.0.224.0/24", "10.0.225.0/24", "10.0.226.0/24"]
    error_message = "Load balancers have other addresses."
  }
  assert {
    condition     = output.data_cidrs == ["10.0.240.0/24", "10.0.241.0/24", "10.0.242.0/24"]
    error_message = "Data has other addresses."
  }
}

run "of_a_20" {
  variables {
    cidr = "172.16.16.0/20"
  }
  assert {
    condition     = output.data_cidrs == ["172.16.31.0/28", "172.16.31.16/28", "172.16.31.32/28"]
    error_message = "A small network's data has other addresses."
  }
}
