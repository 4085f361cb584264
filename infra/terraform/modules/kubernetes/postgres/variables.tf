variable "name" {
  description = "The server's name within the namespace."
  type        = string
  default     = "postgres"
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
  description = "An image with PostgreSQL 15 or newer, a shell, and the user that runs it, by its digest: what images/build makes, or the official one."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image is named by its digest, registry/name@sha256:…."
  }
}

variable "user" {
  description = "The user that the image has for it, by its number. The official image's is 999."
  type        = number
  default     = 65532
  nullable    = false

  validation {
    condition     = var.user > 0
    error_message = "Postgres refuses to run as root."
  }
}

variable "size" {
  description = "How much it may take: small (a node of two cores, a few users), medium, large."
  type        = string
  default     = "small"
  nullable    = false

  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "A size is small, medium or large."
  }
}

variable "storage_gib" {
  description = "The volume's size in GiB. It can grow where its storage class can."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.storage_gib >= 1 && floor(var.storage_gib) == var.storage_gib
    error_message = "The database takes 1 GiB or more."
  }
}

variable "volume" {
  description = "Where the bytes are: see ../volume."
  type = object({
    storage_class = optional(string)
    node          = optional(object({ name = string, path = string }))
  })
  nullable = false
}

variable "owner_password" {
  description = "The password of the database's owner."
  type        = string
  ephemeral   = true
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{20,}$", var.owner_password))
    error_message = "The owner's password has 20 letters, digits, hyphens and underscores, or more."
  }
}

variable "owner_revision" {
  description = "Raised, the server starts again with the password that is given then."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.owner_revision >= 1 && floor(var.owner_revision) == var.owner_revision
    error_message = "A revision is a whole number from 1 on."
  }
}

variable "tls" {
  description = "The server's certificate, which names host, and what signed it, both in PEM. null: connections are not encrypted, which is for clusters whose network is."
  type        = object({ certificate = string, ca = string })
  default     = null

  validation {
    condition     = var.tls == null ? true : alltrue([for pem in values(var.tls) : can(regex("^-----BEGIN CERTIFICATE-----", pem))])
    error_message = "A certificate in PEM begins with -----BEGIN CERTIFICATE-----."
  }
}

variable "tls_key" {
  description = "The certificate's private key in PEM. It is written with owner_revision."
  type        = string
  ephemeral   = true
  default     = null
}

variable "clients" {
  description = "The pods that may connect: their namespace and labels."
  type        = list(object({ namespace = string, labels = map(string) }))
  default     = [{ namespace = "maas", labels = { "needs.maas.dev/postgres" = "" } }] # functions, and the Job that migrates
  nullable    = false
}
