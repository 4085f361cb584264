variable "name" {
  description = "Begins the name of everything that this module makes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){1,27}$", var.name))
    error_message = "Let name be 2 to 28 lower-case letters, digits and single hyphens, beginning with a letter."
  }
}

variable "size" {
  description = "small, medium or large: what README's table of sizes says of each."
  type        = string
  default     = "small"
  nullable    = false

  validation {
    condition     = contains(["small", "medium", "large"], var.size)
    error_message = "Let size be small, medium or large."
  }
}

variable "node_type" {
  description = "A node type in the place of the size's own."
  type        = string
  default     = null

  validation {
    condition     = var.node_type == null || can(regex("^cache\\.[a-z0-9]+\\.(small|medium|[0-9]*x?large)$", var.node_type))
    error_message = "Let node_type be one of ElastiCache from small on, like cache.m7g.large: a micro has no memory for a cache beside what fail-over needs."
  }
}

variable "replicas" {
  description = "How many nodes stand by, each in another availability zone where there are as many."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.replicas >= 1 && var.replicas <= 5 && floor(var.replicas) == var.replicas
    error_message = "Let replicas be a whole number from 1 to 5: without one there is nothing to fail over to."
  }
}

variable "vpc_id" {
  description = "The network."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "Let vpc_id be a network's id, vpc-…."
  }
}

variable "subnet_ids" {
  description = "Private subnets, in two availability zones or more."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Let subnet_ids be subnets of two availability zones or more: the replica is in another than the primary."
  }
}

variable "clients" {
  description = "The security groups that may connect, by a name that says whose they are."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.clients) > 0 && alltrue([for id in values(var.clients) : startswith(id, "sg-")])
    error_message = "Let clients have one security group or more, like {cluster = \"sg-…\"}: nobody else reaches the cache."
  }
}

variable "maintenance_window" {
  description = "When AWS may apply minor versions, in UTC."
  type        = string
  default     = "sun:04:00-sun:05:00"
  nullable    = false

  validation {
    condition     = can(regex("^(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]$", var.maintenance_window))
    error_message = "Let maintenance_window be like sun:04:00-sun:05:00, in UTC."
  }
}

variable "apply_immediately" {
  description = "Whether changes of the nodes wait for maintenance_window (false) or not."
  type        = bool
  default     = false
  nullable    = false
}
