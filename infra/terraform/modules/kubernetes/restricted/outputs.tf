# What the Pod Security Standard "restricted" asks of a store's pod and of each of its containers, and a root that cannot be written to.
output "pod" {
  description = "The pod's securityContext."
  value = {
    runAsNonRoot   = true
    runAsUser      = var.user
    runAsGroup     = var.user
    fsGroup        = var.user
    seccompProfile = { type = "RuntimeDefault" }
  }
}

output "container" {
  description = "Each container's securityContext."
  value = {
    runAsNonRoot             = true
    allowPrivilegeEscalation = false
    readOnlyRootFilesystem   = true
    capabilities             = { drop = ["ALL"] }
  }
}
