variable "namespace" {
  description = "Where the store is."
  type        = string
  nullable    = false
}

variable "name" {
  description = "The store's name."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "What its pod is told by."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.labels) > 0
    error_message = "Without labels the policy would be of every pod in the namespace."
  }
}

variable "port" {
  description = "The name of its pod's port."
  type        = string
  nullable    = false
}

variable "clients" {
  description = "The pods that may connect: their namespace and labels."
  type        = list(object({ namespace = string, labels = map(string) }))
  nullable    = false

  validation {
    condition     = length(var.clients) > 0 && alltrue([for client in var.clients : length(client.labels) > 0])
    error_message = "A client is told by one label or more: a namespace alone would let all its pods in."
  }
}

variable "outside" {
  description = "Whether clients come from outside of the cluster, too, whom no label tells."
  type        = bool
  default     = false
  nullable    = false
}
