variable "name" {
  description = "The namespace's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "The name of a namespace has 1 to 63 small letters, digits and hyphens, and neither begins nor ends with a hyphen (RFC 1123)."
  }
}

variable "labels" {
  description = "Its labels: the Pod Security level that its pods are held to, at least."
  type        = map(string)
  nullable    = false

  validation {
    condition     = contains(keys(var.labels), "pod-security.kubernetes.io/enforce")
    error_message = "A namespace is given the label pod-security.kubernetes.io/enforce."
  }
}
