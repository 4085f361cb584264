variable "kubeconfig" {
  description = "The file that names the cluster: one of a single node, with Knative, KServe and a Gateway, as `make cluster` starts it."
  type        = string
  default     = "~/.kube/config"
  nullable    = false

  validation {
    condition     = fileexists(pathexpand(var.kubeconfig))
    error_message = "There is no file ${var.kubeconfig}: give the cluster's kubeconfig by -var kubeconfig=FILE."
  }
}

variable "images" {
  description = "A file with what tools/images and infra/terraform/images/build printed: a name and an image by its digest on each line."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.images)
    error_message = "There is no file ${var.images}: write it by { tools/images; infra/terraform/images/build; } >FILE."
  }
  validation {
    condition     = !fileexists(var.images) ? true : alltrue([for name in ["postgres", "redis"] : can(regex("(?m)^${name} \\S+@sha256:[0-9a-f]{64}$", file(var.images)))])
    error_message = "${var.images} has no images of postgres and redis: infra/terraform/images/build makes them, and prints the lines that are missing."
  }
}

variable "keys" {
  description = "The folder that `bin/maas make-keys FOLDER` made. It is all that is secret here, and all that must be kept: passwords are made of service.key."
  type        = string
  nullable    = false

  validation {
    condition     = alltrue([for name in ["service.key", "signing.json", "verify.json"] : fileexists("${var.keys}/${name}")])
    error_message = "${var.keys} lacks a key: make those that are missing by bin/maas make-keys ${var.keys}."
  }
}

variable "node" {
  description = "The cluster's node, which is this machine, and a folder on it for the stores' volumes. Terraform makes the folder and, with destroy, removes it."
  type        = object({ name = optional(string, "node-1"), folder = optional(string, "/var/lib/maas") })
  default     = {}
  nullable    = false

  validation {
    condition     = can(regex("^(/[A-Za-z0-9._-]*[A-Za-z0-9]){2,}$", var.node.folder))
    error_message = "The folder is one of MaaS's own, of letters, digits, dots and hyphens, and not at the root, like /var/lib/maas: destroy removes it."
  }
}

variable "sizes" {
  description = "How much each store may take: small, medium or large."
  type = object({
    postgres       = optional(string, "small")
    redis          = optional(string, "small")
    object_storage = optional(string, "small")
  })
  default  = {}
  nullable = false
}

variable "storage_gib" {
  description = "How large the stores' volumes say that they are. A folder on a node has no limit."
  type        = object({ postgres = optional(number, 5), object_storage = optional(number, 20) })
  default     = {}
  nullable    = false
}

variable "revisions" {
  description = "One number for each secret: it is made anew when its number is raised by one. Functions take all but the keys up without a restart."
  type = object({
    owner = optional(number, 1)
    login = optional(number, 1)
    redis = optional(number, 1)
    store = optional(number, 1)
    keys  = optional(number, 1)
  })
  default  = {}
  nullable = false
}

variable "postgres_tls" {
  description = "A certificate for postgres.maas-stores.svc.cluster.local, its key, and what signed it: files in PEM. null: connections within the node are not encrypted."
  type        = object({ certificate = string, key = string, ca = string })
  default     = null

  validation {
    condition     = var.postgres_tls == null ? true : alltrue([for path in values(var.postgres_tls) : fileexists(path)])
    error_message = "A file of postgres_tls is not there."
  }
}

variable "settings" {
  description = "What this cluster has otherwise than knative/overlays/local/settings.yaml says: host, gateway-class, gateway-port, ingress, ingress-namespace, broker-class."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "store_port" {
  description = "The node's port at which clients reach the store by presigned addresses."
  type        = number
  default     = 30090
  nullable    = false
}

variable "trusted_proxies" {
  description = "The networks whose X-Forwarded-For is believed."
  type        = list(string)
  default     = ["127.0.0.0/8", "::1", "10.244.0.0/16"] # queue-proxy, the activator, the ingress, which is on the node's network
  nullable    = false
}
