variable "name" {
  description = "Begins the name of everything that this module makes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9]){1,27}$", var.name))
    error_message = "Let name be 2 to 28 lower-case letters, digits and single hyphens, beginning with a letter."
  }
}

variable "cluster_arn" {
  description = "The EKS cluster, which has the add-on eks-pod-identity-agent."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:eks:[a-z0-9-]+:[0-9]{12}:cluster/[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", var.cluster_arn))
    error_message = "Let cluster_arn be what `aws eks describe-cluster --name NAME --query cluster.arn` says, arn:aws:eks:REGION:ACCOUNT:cluster/NAME."
  }
}

variable "object_storage" {
  description = "The bucket and the key of its objects: outputs of object-storage."
  type        = object({ bucket_arn = string, kms_key_arn = string })
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9.-]+$", var.object_storage.bucket_arn))
    error_message = "Let object_storage.bucket_arn be a bucket's, arn:aws:s3:::NAME, without a key behind it."
  }
  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.object_storage.kms_key_arn))
    error_message = "Let object_storage.kms_key_arn be a key's, arn:aws:kms:REGION:ACCOUNT:key/ID: policies do not go by aliases."
  }
}

variable "redis" {
  description = "What functions may log in to: connect_arns of redis. null: a cache that is not ElastiCache."
  type        = object({ connect_arns = list(string) })
  default     = null

  validation {
    condition     = var.redis == null || try(length(var.redis.connect_arns) > 0 && alltrue([for arn in var.redis.connect_arns : strcontains(arn, ":elasticache:") && !strcontains(arn, "*")]), false)
    error_message = "Let redis.connect_arns be the ARNs of the replication group and of its user, without a wildcard."
  }
}

variable "namespace" {
  description = "The functions' namespace."
  type        = string
  default     = "maas"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.namespace))
    error_message = "Let namespace be a Kubernetes name: 1 to 63 lower-case letters, digits and hyphens."
  }
}

variable "models_namespace" {
  description = "The model servers' namespace."
  type        = string
  default     = "maas-models"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.models_namespace)) && var.models_namespace != var.namespace
    error_message = "Let models_namespace be a Kubernetes name, and another than namespace: what runs there is the tenants'."
  }
}

variable "models_service_account" {
  description = "Whom the pods of model servers are run as."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", var.models_service_account))
    error_message = "Let models_service_account be a Kubernetes name: lower-case letters, digits, hyphens and dots."
  }
}

variable "permissions_boundary" {
  description = "The ARN of a policy that bounds the roles, where the account asks for one."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "Let permissions_boundary be a policy's ARN, arn:aws:iam::ACCOUNT:policy/NAME, or null."
  }
}
