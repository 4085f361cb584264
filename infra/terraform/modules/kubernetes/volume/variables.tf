variable "namespace" {
  description = "Where the claim is."
  type        = string
  nullable    = false
}

variable "name" {
  description = "The claim's name."
  type        = string
  nullable    = false
}

variable "storage_gib" {
  description = "Its size in GiB."
  type        = number
  nullable    = false
}

variable "volume" {
  description = "Where the bytes are: a storage class, whose reclaim policy says whether they outlive terraform destroy; or, in a cluster without provisioner, a folder that is there on one node and belongs to the pod's user."
  type = object({
    storage_class = optional(string)
    node          = optional(object({ name = string, path = string }))
  })
  nullable = false

  validation {
    condition     = (var.volume.storage_class == null) != (var.volume.node == null)
    error_message = "A volume is of a storage class or on a node, one of both: {storage_class = \"gp3\"} or {node = {name = \"node-1\", path = \"/srv/maas\"}}."
  }
  validation {
    condition     = var.volume.node == null || startswith(try(var.volume.node.path, ""), "/")
    error_message = "The path on the node is absolute."
  }
}
