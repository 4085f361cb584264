variable "region" {
  description = "Where all of it is: the cluster's region."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Let region be one of AWS, like eu-central-1, without a zone's letter."
  }
}

variable "name" {
  description = "Begins the name of everything that is made: an installation's own, in its account and region."
  type        = string
  default     = "maas"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){1,27}$", var.name))
    error_message = "Let name be 2 to 28 lower-case letters, digits and single hyphens, beginning with a letter."
  }
}

variable "cluster_arn" {
  description = "The EKS cluster, with the add-on eks-pod-identity-agent. null while network is still to get its cluster: then no role is associated, and clients alone may connect."
  type        = string
  default     = null

  validation {
    condition     = var.cluster_arn == null || can(regex("^arn:aws[a-z-]*:eks:[a-z0-9-]+:[0-9]{12}:cluster/[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", var.cluster_arn))
    error_message = "Let cluster_arn be what `aws eks describe-cluster --name NAME --query cluster.arn` says, arn:aws:eks:REGION:ACCOUNT:cluster/NAME."
  }
  validation {
    condition     = var.cluster_arn == null || try(split(":", var.cluster_arn)[3] == var.region, true)
    error_message = "The cluster is in ${try(split(":", var.cluster_arn)[3], "another region")}, and region is ${var.region}: let region be the cluster's."
  }
  validation {
    condition     = var.cluster_arn != null || var.network != null
    error_message = "Give the cluster_arn of the cluster that functions run on, or a network to be made for one."
  }
}

variable "subnet_ids" {
  description = "Private subnets of the cluster's network for the database and the cache, in two zones or more. null: those of network."
  type        = set(string)
  default     = null

  validation {
    condition     = (var.subnet_ids == null) == (var.network != null)
    error_message = "Give either subnet_ids of the cluster's network, or a network to be made, and not both."
  }
}

variable "network" {
  description = "A network to be made: its addresses and its zones. null, the normal case: the cluster's is there."
  type = object({
    cidr  = optional(string, "10.0.0.0/16")
    zones = list(string)
  })
  default = null

  validation {
    condition     = var.network == null || try(alltrue([for zone in var.network.zones : startswith(zone, var.region)]), false)
    error_message = "Let network.zones be zones of ${var.region}."
  }
}

variable "clients" {
  description = "Security groups, beside the cluster's own, that may reach the database and the cache, by a name that says whose they are."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for id in values(var.clients) : startswith(id, "sg-")])
    error_message = "Let clients be security groups, like {nodes = \"sg-…\"}."
  }
  validation {
    condition     = var.cluster_arn != null || length(var.clients) > 0
    error_message = "Without a cluster_arn, give clients: nobody else would reach the database."
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
  description = "An instance class of the database in the place of the size's own."
  type        = string
  default     = null
}

variable "node_type" {
  description = "A node type of the cache in the place of the size's own."
  type        = string
  default     = null
}

variable "storage_gib" {
  description = "The database's storage at the beginning. It grows by itself, up to ten times as much."
  type        = number
  default     = 100
  nullable    = false
}

variable "backup_days" {
  description = "For how many days back the database can be restored to any second."
  type        = number
  default     = 14
  nullable    = false
}

variable "keep_deleted_days" {
  description = "For how many days a deleted object can be brought back."
  type        = number
  default     = 35
  nullable    = false

  validation {
    condition     = var.keep_deleted_days >= var.backup_days
    error_message = "Let keep_deleted_days be ${var.backup_days} or more, as backup_days is: a database that is restored needs the objects that it had."
  }
}

variable "bucket" {
  description = "The bucket's name. null: name, account and region, which nobody else is likely to have taken."
  type        = string
  default     = null
}

variable "private_store" {
  description = "Whether functions reach the store by addresses in subnet_ids, which policies can name, and not by S3's own, which are too many."
  type        = bool
  default     = true
  nullable    = false
}

variable "log_bucket" {
  description = "A bucket that S3 may write access logs into; null: no access logs."
  type        = string
  default     = null
}

variable "database_ca_file" {
  description = "The certificates that RDS signs by in this region: https://truststore.pki.rds.amazonaws.com/REGION/REGION-bundle.pem, in a file."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.database_ca_file)
    error_message = "There is no such file: curl -o ${var.database_ca_file} https://truststore.pki.rds.amazonaws.com/${var.region}/${var.region}-bundle.pem"
  }
}

variable "database_iam" {
  description = "Whether users may also log in to the database by IAM. The functions do so by password."
  type        = bool
  default     = false
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the database, and a bucket with objects in it."
  type        = bool
  default     = true
  nullable    = false
}

variable "models_service_account" {
  description = "Whom the pods of model servers are run as, in maas-models."
  type        = string
  default     = "default"
  nullable    = false
}

variable "permissions_boundary" {
  description = "The ARN of a policy that bounds the functions' roles, where the account asks for one."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything that is made."
  type        = map(string)
  default     = {}
  nullable    = false
}
