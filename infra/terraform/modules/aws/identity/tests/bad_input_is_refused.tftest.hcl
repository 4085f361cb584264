mock_provider "aws" {
  source = "../mocks"
}

variables {
  name        = "maas"
  cluster_arn = "arn:aws:eks:eu-central-1:123456789012:cluster/production"
  object_storage = {
    bucket_arn  = "arn:aws:s3:::maas-files"
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }
  redis = {
    connect_arns = [
      "arn:aws:elasticache:eu-central-1:123456789012:replicationgroup:maas",
      "arn:aws:elasticache:eu-central-1:123456789012:user:maas",
    ]
  }
}

run "a_cluster_by_its_name" {
  command = plan

  variables {
    cluster_arn = "production"
  }
  expect_failures = [var.cluster_arn]
}

run "a_cluster_of_another_service" {
  command = plan

  variables {
    cluster_arn = "arn:aws:ecs:eu-central-1:123456789012:cluster/production"
  }
  expect_failures = [var.cluster_arn]
}

run "a_name_with_a_slash" {
  command = plan

  variables {
    name = "maas/x"
  }
  expect_failures = [var.name]
}

run "a_bucket_with_a_wildcard" {
  command = plan

  variables {
    object_storage = { bucket_arn = "arn:aws:s3:::*", kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1" }
  }
  expect_failures = [var.object_storage]
}

run "a_bucket_with_a_key" {
  command = plan

  variables {
    object_storage = { bucket_arn = "arn:aws:s3:::maas/t", kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1" }
  }
  expect_failures = [var.object_storage]
}

run "a_key_by_its_alias" {
  command = plan

  variables {
    object_storage = { bucket_arn = "arn:aws:s3:::maas", kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:alias/maas" }
  }
  expect_failures = [var.object_storage]
}

run "all_caches" {
  command = plan

  variables {
    redis = { connect_arns = ["arn:aws:elasticache:eu-central-1:123456789012:user:*"] }
  }
  expect_failures = [var.redis]
}

run "a_namespace_in_capitals" {
  command = plan

  variables {
    namespace = "MaaS"
  }
  expect_failures = [var.namespace]
}

run "model_servers_among_the_functions" {
  command = plan

  variables {
    models_namespace = "maas"
  }
  expect_failures = [var.models_namespace]
}

run "a_service_account_with_a_slash" {
  command = plan

  variables {
    models_service_account = "a/b"
  }
  expect_failures = [var.models_service_account]
}

run "a_boundary_that_is_no_policy" {
  command = plan

  variables {
    permissions_boundary = "boundary"
  }
  expect_failures = [var.permissions_boundary]
}

