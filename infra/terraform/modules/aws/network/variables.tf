variable "name" {
  description = "Begins the name of everything that this module makes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){1,27}$", var.name))
    error_message = "Let name be 2 to 28 lower-case letters, digits and single hyphens, beginning with a letter."
  }
}

variable "cidr" {
  description = "The network's addresses. Of a /16, each zone has a /19 for nodes and pods, a /24 for load balancers, and a /24 for data."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = can(regex("^(10|172\\.(1[6-9]|2[0-9]|3[01])|192\\.168)\\..*/(1[6-9]|20)$", var.cidr)) && can(cidrhost(var.cidr, 0)) && try(cidrsubnet(var.cidr, 0, 0) == var.cidr, false)
    error_message = "Let cidr be a private network of /16 to /20, like 10.0.0.0/16, that overlaps none it will be joined to."
  }
}

variable "zones" {
  description = "Availability zones, two or three."
  type        = list(string)
  nullable    = false

  validation {
    condition = alltrue([
      length(var.zones) >= 2, length(var.zones) <= 3, length(distinct(var.zones)) == length(var.zones),
      alltrue([for zone in var.zones : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$", zone))]),
    ])
    error_message = "Let zones be two or three different availability zones of one region, like eu-central-1a: what stands by is in another than what it stands by for."
  }
}

variable "flow_log_days" {
  description = "For how many days it is kept who spoke to whom."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_log_days)
    error_message = "Let flow_log_days be one of 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096 or the longer ones that CloudWatch takes."
  }
}
