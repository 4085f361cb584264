variable "name" {
  description = "The server's name within the namespace."
  type        = string
  default     = "redis"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", var.name))
    error_message = "A name has 1 to 40 small letters, digits and hyphens, and begins with a letter."
  }
}

variable "namespace" {
  description = "The namespace that it is in, which is there and not the functions'."
  type        = string
  nullable    = false
}

variable "image" {
  description = "An image with redis-server (6.2 or newer, or valkey by that name) and a shell, by its digest: what images/build makes, or the official one."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image is named by its digest, registry/name@sha256:…."
  }
}

variable "size" {
  description = "How much it may take: small (64 MiB of keys), medium (512), large (4096)."
  type        = string
  default     = "small"
  nullable    = false

  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "A size is small, medium or large."
  }
}

variable "password" {
  description = "The password of the user that this revision is."
  type        = string
  ephemeral   = true
  nullable    = false

  validation {
    condition     = length(var.password) >= 20
    error_message = "The password of Redis has 20 characters or more: it answers a million guesses a second."
  }
}

variable "revision" {
  description = "Raised by one, there is another user with the password that is given then; the former one stays good until it is raised again."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.revision >= 1 && floor(var.revision) == var.revision
    error_message = "A revision is a whole number from 1 on."
  }
}

variable "clients" {
  description = "The pods that may connect: their namespace and labels."
  type        = list(object({ namespace = string, labels = map(string) }))
  default     = [{ namespace = "maas", labels = { "needs.maas.dev/redis" = "" } }]
  nullable    = false
}
