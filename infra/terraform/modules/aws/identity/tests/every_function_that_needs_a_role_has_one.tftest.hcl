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

# The labels of knative/base say what a function needs: the tables of this module say no more and no less.
run "the_store" {
  assert {
    condition = toset([
      for file in fileset("${path.module}/../../../../../knative/base/services", "*.yaml") : trimsuffix(file, ".yaml")
      if strcontains(file("${path.module}/../../../../../knative/base/services/${file}"), "needs.maas.dev/store:")
    ]) == toset(keys(local.store))
    error_message = "The functions with the label needs.maas.dev/store are not those of the table."
  }
}

run "the_cache" {
  assert {
    condition = toset([
      for file in fileset("${path.module}/../../../../../knative/base/services", "*.yaml") : trimsuffix(file, ".yaml")
      if strcontains(file("${path.module}/../../../../../knative/base/services/${file}"), "needs.maas.dev/redis:")
    ]) == toset(local.cached)
    error_message = "The functions with the label needs.maas.dev/redis are not those of the table."
  }
}

run "each_by_its_service_account" {
  assert {
    condition = alltrue([for key, a in aws_eks_pod_identity_association.this :
      a.cluster_name == "production" && (key == "fetch" ? a.namespace == "maas-models" && a.service_account == "default" : a.namespace == "maas" && a.service_account == key)
    ])
    error_message = "A role is associated with somebody else."
  }
  assert {
    condition     = toset(keys(output.roles)) == setunion(keys(local.store), local.cached, ["fetch"])
    error_message = "Somebody has no role, or one too many."
  }
}
