variable "user" {
  description = "The user, and its group, that the pod's programs run as, by its number: not root."
  type        = number
  default     = 65532
  nullable    = false
}
