# What the Pod Security Standard "restricted" asks of a store's pod and of each of its containers, and a root that cannot be written to.
locals {
  pod = {
    runAsNonRoot   = true
    runAsUser      = var.user
    runAsGroup     = var.user
    fsGroup        = var.user
    seccompProfile = { type = "RuntimeDefault" }
  }
  container = {
    runAsNonRoot             = true
    allowPrivilegeEscalation = false
    readOnlyRootFilesystem   = true
    capabilities             = { drop = ["ALL"] }
  }
}
