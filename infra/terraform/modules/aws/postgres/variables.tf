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

variable "instance_class" {
  description = "An instance class in the place of the size's own."
  type        = string
  default     = null

  validation {
    condition     = var.instance_class == null || can(regex("^db\\.[a-z0-9]+\\.([0-9]*x?large)$", var.instance_class))
    error_message = "Let instance_class be one of RDS from large on, like db.m7g.large: smaller ones take fewer connections than the functions open."
  }
}

variable "storage_gib" {
  description = "Storage at the beginning. It grows by itself, up to max_storage_gib."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.storage_gib >= 20 && var.storage_gib <= 65536 && floor(var.storage_gib) == var.storage_gib
    error_message = "Let storage_gib be a whole number from 20 to 65536: what RDS takes of gp3."
  }
}

variable "max_storage_gib" {
  description = "What the storage may grow to; null: ten times storage_gib."
  type        = number
  default     = null

  validation {
    condition     = var.max_storage_gib == null || try(var.max_storage_gib >= var.storage_gib * 1.1 && var.max_storage_gib <= 65536, false)
    error_message = "Let max_storage_gib be at least a tenth above storage_gib, which RDS demands, and at most 65536."
  }
}

variable "database" {
  description = "The database's name."
  type        = string
  default     = "maas"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.database))
    error_message = "Let database be 1 to 63 lower-case letters, digits and underscores, beginning with a letter."
  }
}

variable "owner" {
  description = "The user that owns the database. Only the migration is it; AWS makes its password, keeps it in Secrets Manager and rotates it."
  type        = string
  default     = "maas_owner"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.owner)) && !contains(["admin", "postgres", "rdsadmin"], var.owner) && !startswith(var.owner, "maas_login")
    error_message = "Let owner be 1 to 63 lower-case letters, digits and underscores, and neither admin, postgres nor rdsadmin, nor like maas_login: others have these names."
  }
}

variable "ca" {
  description = "The authority that signs the server's certificate, in PEM: the region's bundle of https://truststore.pki.rds.amazonaws.com. Given out again, for clients."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^\\s*-----BEGIN CERTIFICATE-----", var.ca)) && !strcontains(var.ca, "PRIVATE KEY")
    error_message = "Let ca be the certificates of https://truststore.pki.rds.amazonaws.com/REGION/REGION-bundle.pem, as they are in that file."
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
    error_message = "Let subnet_ids be subnets of two availability zones or more: the standby is in another than the primary."
  }
}

variable "clients" {
  description = "The security groups that may connect, by a name that says whose they are."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.clients) > 0 && alltrue([for id in values(var.clients) : startswith(id, "sg-")])
    error_message = "Let clients have one security group or more, like {cluster = \"sg-…\"}: nobody else reaches the database."
  }
}

variable "iam" {
  description = "Whether users may also log in by IAM. The functions do so by password."
  type        = bool
  default     = false
  nullable    = false
}

variable "backup_days" {
  description = "For how many days back the database can be restored to any second."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.backup_days >= 7 && var.backup_days <= 35 && floor(var.backup_days) == var.backup_days
    error_message = "Let backup_days be a whole number from 7 to 35; RDS keeps no more."
  }
}

variable "backup_window" {
  description = "When a snapshot is taken each day, in UTC."
  type        = string
  default     = "01:30-02:30"
  nullable    = false

  validation {
    condition     = can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$", var.backup_window))
    error_message = "Let backup_window be like 01:30-02:30, in UTC."
  }
}

variable "maintenance_window" {
  description = "When AWS may apply minor versions, and changes that take a fail-over, in UTC."
  type        = string
  default     = "sun:03:00-sun:04:00"
  nullable    = false

  validation {
    condition     = can(regex("^(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):[0-2][0-9]:[0-5][0-9]$", var.maintenance_window))
    error_message = "Let maintenance_window be like sun:03:00-sun:04:00, in UTC."
  }
}

variable "apply_immediately" {
  description = "Whether changes that take a fail-over wait for maintenance_window (false) or not."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the database. Without it a last snapshot is still taken."
  type        = bool
  default     = true
  nullable    = false
}

variable "log_days" {
  description = "For how many days the server's log is kept."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "Let log_days be one of 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096 or the longer ones that CloudWatch takes."
  }
}
