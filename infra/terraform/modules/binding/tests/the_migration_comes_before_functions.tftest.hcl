# The Job is that of knative/migrate, with the image that was given, and stays when it is done.
mock_provider "kubernetes" {
  source = "./tests/mocks"
}

run "job" {
  command = plan

  assert {
    condition     = alltrue([for job in kubernetes_manifest.migrate : job.manifest.spec.template.spec.containers[0].image == var.migrate_image && job.manifest.metadata.namespace == "maas"])
    error_message = "The Job runs something else, or elsewhere."
  }
  assert {
    condition     = alltrue([for job in kubernetes_manifest.migrate : !can(job.manifest.spec.ttlSecondsAfterFinished)])
    error_message = "The Job ends by itself, so that the next apply would make it again."
  }
}

run "once_more" {
  command = plan
  variables {
    revisions = { login = 2 }
  }

  assert {
    condition     = output.migration != run.job.migration
    error_message = "Nothing makes the second login good."
  }
}
