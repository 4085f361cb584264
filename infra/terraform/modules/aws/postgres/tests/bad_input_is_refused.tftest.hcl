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

run "a_size_that_does_not_exist" {
  command = plan

  variables {
    size = "tiny"
  }
  expect_failures = [var.size]
}

run "an_instance_that_is_too_small" {
  command = plan

  variables {
    instance_class = "db.t4g.micro"
  }
  expect_failures = [var.instance_class]
}

run "an_instance_that_is_a_little_too_small" {
  command = plan

  variables {
    instance_class = "db.t4g.medium"
  }
  expect_failures = [var.instance_class]
}

run "a_name_with_a_space" {
  command = plan

  variables {
    name = "maas prod"
  }
  expect_failures = [var.name]
}

run "a_name_that_leaves_its_argument" {
  command = plan

  variables {
    name = "maas\"; drop"
  }
  expect_failures = [var.name]
}

run "a_name_with_two_hyphens" {
  command = plan

  variables {
    name = "maas--prod"
  }
  expect_failures = [var.name]
}

run "a_name_that_is_too_long" {
  command = plan

  variables {
    name = "a23456789012345678901234567890"
  }
  expect_failures = [var.name]
}

run "an_owner_that_aws_keeps_for_itself" {
  command = plan

  variables {
    owner = "rdsadmin"
  }
  expect_failures = [var.owner]
}

run "an_owner_that_functions_log_in_as" {
  command = plan

  variables {
    owner = "maas_login_a"
  }
  expect_failures = [var.owner]
}

run "an_owner_with_a_quote" {
  command = plan

  variables {
    owner = "o\"wner"
  }
  expect_failures = [var.owner]
}

run "a_database_with_a_slash" {
  command = plan

  variables {
    database = "maas/x"
  }
  expect_failures = [var.database]
}

run "too_little_storage" {
  command = plan

  variables {
    storage_gib = 10
  }
  expect_failures = [var.storage_gib]
}

run "storage_that_cannot_grow" {
  command = plan

  variables {
    max_storage_gib = 105
  }
  expect_failures = [var.max_storage_gib]
}

run "no_backups" {
  command = plan

  variables {
    backup_days = 0
  }
  expect_failures = [var.backup_days]
}

run "backups_that_rds_does_not_keep" {
  command = plan

  variables {
    backup_days = 60
  }
  expect_failures = [var.backup_days]
}

run "a_window_that_is_none" {
  command = plan

  variables {
    backup_window = "at night"
  }
  expect_failures = [var.backup_window]
}

run "one_subnet" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }
  expect_failures = [var.subnet_ids]
}

run "no_clients" {
  command = plan

  variables {
    clients = {}
  }
  expect_failures = [var.clients]
}

run "clients_by_address" {
  command = plan

  variables {
    clients = { all = "0.0.0.0/0" }
  }
  expect_failures = [var.clients]
}

run "a_private_key_for_an_authority" {
  command = plan

  variables {
    ca = "-----BEGIN RSA PRIVATE KEY-----"
  }
  expect_failures = [var.ca]
}

run "a_network_that_is_none" {
  command = plan

  variables {
    vpc_id = "default"
  }
  expect_failures = [var.vpc_id]
}

run "a_log_without_end" {
  command = plan

  variables {
    log_days = 0
  }
  expect_failures = [var.log_days]
}

