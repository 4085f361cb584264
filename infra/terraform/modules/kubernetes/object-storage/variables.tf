variable "name" {
  description = "The server's name within the namespace."
  type        = string
  default     = "object-storage"
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
  description = "The image of cmd/maas by its digest: it has the S3 server."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image is named by its digest, registry/name@sha256:…, as tools/images prints it."
  }
}

variable "size" {
  description = "How much it may take: small (a node of two cores), medium, large."
  type        = string
  default     = "small"
  nullable    = false

  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "A size is small, medium or large."
  }
}

variable "storage_gib" {
  description = "The volume's size in GiB: while an upload is verified its bytes are there twice. It can grow where its storage class can."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.storage_gib >= 1 && floor(var.storage_gib) == var.storage_gib
    error_message = "The store takes 1 GiB or more."
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

variable "bucket" {
  description = "The bucket, which the server makes."
  type        = string
  default     = "maas"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 63 small letters, digits and hyphens, and neither begins nor ends with a hyphen."
  }
}

variable "region" {
  description = "What clients sign for."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+$", var.region))
    error_message = "A region has small letters, digits and hyphens."
  }
}

variable "secret_access_key" {
  description = "What clients sign with in this revision, with the id that the module gives."
  type        = string
  ephemeral   = true
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9/+_-]{32,}$", var.secret_access_key))
    error_message = "A secret access key has 32 letters and digits or more."
  }
}

variable "reader_secret_access_key" {
  description = "What those sign with in this revision who can only read objects of tenants, with the reader's id that the module gives."
  type        = string
  ephemeral   = true
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9/+_-]{32,}$", var.reader_secret_access_key))
    error_message = "A secret access key has 32 letters and digits or more."
  }
  validation {
    condition     = var.reader_secret_access_key != var.secret_access_key
    error_message = "The reader's key is another than secret_access_key: with that one, whoever reads could sign as the account that writes."
  }
}

variable "revision" {
  description = "Raised by one, the keys that are given then are good too; the former ones stay so until it is raised again."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.revision >= 1 && floor(var.revision) == var.revision
    error_message = "A revision is a whole number from 1 on."
  }
}

variable "public" {
  description = "Where clients outside of the cluster reach the store by presigned addresses: a host that leads to a node, and the node's port. null: they cannot, and send all bytes through functions."
  type        = object({ host = string, port = number })
  default     = null

  validation {
    condition     = var.public == null ? true : var.public.port >= 30000 && var.public.port <= 32767
    error_message = "A node's port is between 30000 and 32767, unless the cluster was told otherwise."
  }
}

variable "clients" {
  description = "The pods that may connect: their namespace and labels."
  type        = list(object({ namespace = string, labels = map(string) }))
  default = [
    { namespace = "maas", labels = { "needs.maas.dev/store" = "" } },
    { namespace = "maas-models", labels = { "component" = "predictor" } },
  ]
  nullable = false
}
