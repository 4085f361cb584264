# The server runs as the Pod Security Standard "restricted" asks, on a root that it cannot write to, and without a way to the API server.
mock_provider "kubernetes" {}

variables {
  namespace      = "maas-stores"
  image          = "registry.example.com/postgres@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  owner_password = "an-owner-password-of-a-test"
  volume         = { storage_class = "gp3" }
}

run "pod" {
  command = plan

  assert {
    condition = alltrue([
      for container in concat(kubernetes_stateful_set_v1.this.spec[0].template[0].spec[0].container, kubernetes_stateful_set_v1.this.spec[0].template[0].spec[0].init_container) :
      container.security_context[0].read_only_root_filesystem && container.security_context[0].run_as_non_root && !container.security_context[0].allow_privilege_escalation && container.security_context[0].capabilities[0].drop[0] == "ALL"
    ])
    error_message = "A container has rights."
  }
  assert {
    condition     = kubernetes_stateful_set_v1.this.spec[0].template[0].spec[0].security_context[0].run_as_non_root && kubernetes_stateful_set_v1.this.spec[0].template[0].spec[0].security_context[0].seccomp_profile[0].type == "RuntimeDefault"
    error_message = "The pod may run as root, or call what it likes of the kernel."
  }
  assert {
    condition     = !kubernetes_stateful_set_v1.this.spec[0].template[0].spec[0].automount_service_account_token
    error_message = "The pod has a token for the API server."
  }
  assert {
    condition     = alltrue([for container in concat(kubernetes_stateful_set_v1.this.spec[0].template[0].spec[0].container, kubernetes_stateful_set_v1.this.spec[0].template[0].spec[0].init_container) : container.resources[0].limits["memory"] != null])
    error_message = "A container may take all of the node's memory."
  }
}
