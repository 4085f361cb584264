# The server runs as the Pod Security Standard "restricted" asks, on a root that it cannot write to, and without a way to the API server.
mock_provider "kubernetes" {}

variables {
  namespace                = "maas-stores"
  image                    = "registry.example.com/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  secret_access_key        = "a-secret-access-key-of-a-test-of-it"
  reader_secret_access_key = "a-secret-access-key-of-its-reader"
  volume                   = { storage_class = "gp3" }
}

run "pod" {
  command = plan

  assert {
    condition = alltrue([
      for container in kubernetes_manifest.server.manifest.spec.template.spec.containers :
      container.securityContext.readOnlyRootFilesystem && container.securityContext.runAsNonRoot && !container.securityContext.allowPrivilegeEscalation && container.securityContext.capabilities.drop[0] == "ALL"
    ])
    error_message = "A container has rights."
  }
  assert {
    condition     = kubernetes_manifest.server.manifest.spec.template.spec.securityContext.runAsNonRoot && kubernetes_manifest.server.manifest.spec.template.spec.securityContext.seccompProfile.type == "RuntimeDefault"
    error_message = "The pod may run as root, or call what it likes of the kernel."
  }
  assert {
    condition     = !kubernetes_manifest.server.manifest.spec.template.spec.automountServiceAccountToken
    error_message = "The pod has a token for the API server."
  }
  assert {
    condition     = alltrue([for container in kubernetes_manifest.server.manifest.spec.template.spec.containers : container.resources.limits.memory != null])
    error_message = "A container may take all of the node's memory."
  }
}
