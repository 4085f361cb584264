variable "name" {
  description = "The bucket's name, of which there is one in the world."
  type        = string
  nullable    = false

  validation {
    condition = alltrue([
      can(regex("^[a-z0-9](-?[a-z0-9]){2,62}$", var.name)),
      length(var.name) <= 63,
      !startswith(var.name, "xn--"), !startswith(var.name, "sthree-"), !endswith(var.name, "-s3alias"), !endswith(var.name, "--ol-s3"),
    ])
    error_message = "Let name be 3 to 63 lower-case letters, digits and single hyphens, not beginning with sthree- nor ending with -s3alias: a dot would break TLS."
  }
}

variable "abort_multipart_days" {
  description = "After how many days S3 drops the parts of an upload that nobody completed. Sweep drops them before."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.abort_multipart_days >= 8 && var.abort_multipart_days <= 365 && floor(var.abort_multipart_days) == var.abort_multipart_days
    error_message = "Let abort_multipart_days be a whole number from 8 to 365, and more than MAAS_UPLOAD_EXPIRY: 7 days, in which an upload may go on."
  }
}

variable "keep_deleted_days" {
  description = "For how many days an object that was deleted, or written again, can be brought back: a restored database may need it."
  type        = number
  default     = 35
  nullable    = false

  validation {
    condition     = var.keep_deleted_days >= 7 && var.keep_deleted_days <= 3650 && floor(var.keep_deleted_days) == var.keep_deleted_days
    error_message = "Let keep_deleted_days be a whole number from 7 to 3650, and no less than the database's backup_days."
  }
}

variable "private_endpoint" {
  description = "Where the store gets addresses of its own in a network, for functions: policies can let pods reach these, and not all of S3. null: S3's own addresses."
  type        = object({ vpc_id = string, subnet_ids = set(string), clients = map(string) })
  default     = null

  validation {
    condition     = var.private_endpoint == null || try(startswith(var.private_endpoint.vpc_id, "vpc-") && length(var.private_endpoint.subnet_ids) >= 2, false)
    error_message = "Let private_endpoint have a network's id, vpc-…, and subnets of two availability zones or more."
  }
  validation {
    condition     = var.private_endpoint == null || try(length(var.private_endpoint.clients) > 0 && alltrue([for id in values(var.private_endpoint.clients) : startswith(id, "sg-")]), false)
    error_message = "Let private_endpoint.clients have one security group or more, like {cluster = \"sg-…\"}: nobody else reaches the endpoint."
  }
}

variable "log_bucket" {
  description = "A bucket that S3 may write access logs into; null: no access logs."
  type        = string
  default     = null

  validation {
    condition     = var.log_bucket == null || try(var.log_bucket != var.name && can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.log_bucket)), false)
    error_message = "Let log_bucket be the name of another bucket than this one, whose logs would be logged in turn."
  }
}

variable "deletion_protection" {
  description = "Whether a bucket with objects in it is refused to be deleted."
  type        = bool
  default     = true
  nullable    = false
}
