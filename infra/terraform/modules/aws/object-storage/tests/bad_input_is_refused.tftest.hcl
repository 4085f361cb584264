mock_provider "aws" {
  source = "../mocks"
}

variables {
  name = "maas-files"
}

run "a_name_with_a_dot" {
  command = plan

  variables {
    name = "maas.files"
  }
  expect_failures = [var.name]
}

run "a_name_in_capitals" {
  command = plan

  variables {
    name = "MaaS"
  }
  expect_failures = [var.name]
}

run "a_name_that_is_a_path" {
  command = plan

  variables {
    name = "maas/../other"
  }
  expect_failures = [var.name]
}

run "a_name_that_is_too_short" {
  command = plan

  variables {
    name = "ab"
  }
  expect_failures = [var.name]
}

run "a_name_that_is_too_long" {
  command = plan

  variables {
    name = "a234567890123456789012345678901234567890123456789012345678901234"
  }
  expect_failures = [var.name]
}

run "a_name_that_s3_keeps_for_itself" {
  command = plan

  variables {
    name = "maas-s3alias"
  }
  expect_failures = [var.name]
}

run "uploads_that_end_while_they_go_on" {
  command = plan

  variables {
    abort_multipart_days = 7
  }
  expect_failures = [var.abort_multipart_days]
}

run "deleted_objects_that_are_gone_at_once" {
  command = plan

  variables {
    keep_deleted_days = 1
  }
  expect_failures = [var.keep_deleted_days]
}

run "logs_of_its_own_logs" {
  command = plan

  variables {
    log_bucket = "maas-files"
  }
  expect_failures = [var.log_bucket]
}

run "an_endpoint_in_one_subnet" {
  command = plan

  variables {
    private_endpoint = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], clients = { cluster = "sg-1" } }
  }
  expect_failures = [var.private_endpoint]
}

run "an_endpoint_for_addresses" {
  command = plan

  variables {
    private_endpoint = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2"], clients = { all = "0.0.0.0/0" } }
  }
  expect_failures = [var.private_endpoint]
}
