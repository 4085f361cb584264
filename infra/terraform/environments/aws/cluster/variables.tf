variable "cluster" {
  description = "What ../cloud says: terraform -chdir=../cloud output -json cluster."
  type = object({
    postgres = object({
      host     = string
      port     = number
      database = string
      owner    = string
      tls      = bool
      ca       = string
    })
    redis = object({
      host = string
      port = number
      user = string
      tls  = bool
      iam  = object({ cache = string, region = string })
    })
    object_storage = object({
      endpoint        = string
      public_endpoint = string
      bucket          = string
      region          = string
    })
    kubernetes = object({
      name     = string
      region   = string
      endpoint = string
      ca       = string
    })
  })
  nullable = false

  validation {
    condition     = var.cluster.kubernetes != null
    error_message = "../cloud knows no cluster yet: give it cluster_arn and apply it first."
  }
  validation {
    condition     = var.cluster.postgres.tls && var.cluster.redis.tls && startswith(var.cluster.object_storage.endpoint, "https://")
    error_message = "Something in the cloud is reached without TLS: apply ../cloud again, and write its output anew."
  }
}

variable "images" {
  description = "The file that `make images` prints: a line for each program, its name in manifests and its image by the digest."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.images)
    error_message = "There is no such file: make -s images >${var.images}"
  }
  validation {
    condition     = !fileexists(var.images) ? true : can(regex("(?m)^${local.migrate} \\S+@sha256:[0-9a-f]{64}$", file(var.images)))
    error_message = "${var.images} has no image of ${local.migrate}: make -s images builds and prints them all."
  }
}

variable "settings" {
  description = "What differs between clusters: the keys of knative/overlays/production/settings.yaml, which has the values that are not given here."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for key in ["host", "postgres", "redis", "store", "api-server"] : contains(keys(var.settings), key)])
    error_message = "Give settings host, postgres, redis, store and api-server: what settings.yaml has there is an example."
  }
  validation {
    condition     = !endswith(lookup(var.settings, "host", ""), "example.com")
    error_message = "Let settings.host be the name that clients reach this installation by."
  }
}

variable "trusted_proxies" {
  description = "The networks whose X-Forwarded-For is believed: queue-proxy's (loopback), the pods', and where the ingress connects from."
  type        = list(string)
  nullable    = false

  validation {
    condition     = contains(var.trusted_proxies, "127.0.0.0/8") && !contains(var.trusted_proxies, "0.0.0.0/0")
    error_message = "Let trusted_proxies be 127.0.0.0/8 and the pods' network, and never 0.0.0.0/0, by which every client could claim any address."
  }
}

variable "sink" {
  description = "The Broker's address."
  type        = string
  default     = "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/maas/maas"
  nullable    = false
}

variable "owner_password" {
  description = "The database owner's password, for the migration alone; from Secrets Manager (owner_secret_arn of ../cloud). In no state."
  type        = string
  ephemeral   = true
  nullable    = false
}

variable "login_password" {
  description = "The password of the role that functions come as; whoever applies makes it. In no state."
  type        = string
  ephemeral   = true
  nullable    = false
}

variable "keys" {
  description = "The contents of service.key and signing.json of `bin/maas make-keys`. In no state."
  type        = object({ service = string, signing = string })
  ephemeral   = true
  nullable    = false
}

variable "verify_keys" {
  description = "The content of verify.json, the signing keys' public part."
  type        = string
  nullable    = false
}

variable "revisions" {
  description = "One number for each kind of secret: it is written anew when its number is raised. database: both of the database's passwords, since the migration that is given one gives the other."
  type = object({
    database = optional(number, 1)
    keys     = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for revision in values(var.revisions) : revision >= 1 && floor(revision) == revision])
    error_message = "Let revisions be whole numbers from 1 on."
  }
}

variable "config" {
  description = "More variables for all functions, of README.md's table. Nothing secret."
  type        = map(string)
  default     = {}
  nullable    = false
}
