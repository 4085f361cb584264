mock_provider "aws" {
  source = "../mocks"
}

variables {
  name       = "maas"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
}

run "a_size_that_does_not_exist" {
  command = plan

  variables {
    size = "huge"
  }
  expect_failures = [var.size]
}

run "a_node_that_is_too_small" {
  command = plan

  variables {
    node_type = "cache.t4g.micro"
  }
  expect_failures = [var.node_type]
}

run "a_node_of_the_database" {
  command = plan

  variables {
    node_type = "db.m7g.large"
  }
  expect_failures = [var.node_type]
}

run "a_name_that_leaves_its_access_string" {
  command = plan

  variables {
    name = "maas ~* +@all"
  }
  expect_failures = [var.name]
}

run "nothing_to_fail_over_to" {
  command = plan

  variables {
    replicas = 0
  }
  expect_failures = [var.replicas]
}

run "half_a_replica" {
  command = plan

  variables {
    replicas = 1.5
  }
  expect_failures = [var.replicas]
}

run "one_subnet" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }
  expect_failures = [var.subnet_ids]
}

run "clients_by_address" {
  command = plan

  variables {
    clients = { all = "0.0.0.0/0" }
  }
  expect_failures = [var.clients]
}

run "no_clients" {
  command = plan

  variables {
    clients = {}
  }
  expect_failures = [var.clients]
}

run "a_network_that_is_none" {
  command = plan

  variables {
    vpc_id = "main"
  }
  expect_failures = [var.vpc_id]
}

run "a_window_that_is_none" {
  command = plan

  variables {
    maintenance_window = "Sunday"
  }
  expect_failures = [var.maintenance_window]
}

