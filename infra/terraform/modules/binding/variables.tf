variable "postgres" {
  description = "The database: what the postgres modules give. ca is the PEM of what signed the server's certificate, null where the system's roots do; tls is false for a server within the cluster that has no certificate."
  type = object({
    host     = string
    port     = number
    database = string
    owner    = string
    ca       = optional(string)
    tls      = optional(bool, true)
  })
  nullable = false
}

variable "redis" {
  description = "The cache: what the redis modules give. ca is the PEM of what signed the server's certificate, null where the system's roots do."
  type = object({
    host = string
    port = number
    user = string
    tls  = bool
    ca   = optional(string)
  })
  nullable = false

  validation {
    condition     = var.redis.ca == null || var.redis.tls
    error_message = "redis.ca is given, but redis.tls is false: let it be true, so that the connection is encrypted."
  }
}

variable "object_storage" {
  description = "The store: what the object-storage modules give. public_endpoint is where clients reach it by presigned addresses, null where they cannot. ca is the PEM of what signed the endpoint's certificate, null where the system's roots do."
  type = object({
    endpoint        = string
    public_endpoint = optional(string)
    bucket          = string
    region          = string
    ca              = optional(string)
  })
  nullable = false

  validation {
    condition     = var.object_storage.ca == null || startswith(var.object_storage.endpoint, "https://")
    error_message = "object_storage.ca is given, but the endpoint does not begin with https://: the connection would not be encrypted."
  }
  validation {
    condition     = can(regex("^https?://[^/ ]+/?$", var.object_storage.endpoint))
    error_message = "The endpoint of the store is an address like https://s3.eu-central-1.amazonaws.com."
  }
}

variable "owner_password" {
  description = "The password of the database's owner, whom migrations alone act as."
  type        = string
  ephemeral   = true
  nullable    = false

  validation {
    condition     = length(var.owner_password) >= 8
    error_message = "The owner's password has 8 characters or more."
  }
}

variable "login_password" {
  description = "The password of the role that functions come as. The migration makes that role, or gives it this password."
  type        = string
  ephemeral   = true
  nullable    = false

  validation {
    condition     = length(var.login_password) >= 20
    error_message = "The login's password has 20 characters or more."
  }
}

variable "redis_password" {
  description = "The password of the cache's user. null: it has none, because functions show who they are by tokens."
  type        = string
  ephemeral   = true
  default     = null

  validation {
    condition     = var.redis_password == null || try(length(var.redis_password) >= 16, false)
    error_message = "The password of Redis has 16 characters or more."
  }
}

variable "store_credentials" {
  description = "The store's credentials for functions (in maas) and for what fetches models (in maas-models, for which reading is enough). null: pods have an identity of their own."
  type = object({
    functions = object({ access_key_id = string, secret_access_key = string })
    models    = object({ access_key_id = string, secret_access_key = string })
  })
  ephemeral = true
  default   = null
}

variable "identity_by_pod" {
  description = "Whether pods have an identity of their own at the store; store_credentials is null then."
  type        = bool
  default     = false
  nullable    = false
}

variable "keys" {
  description = "The contents of the files that `bin/maas make-keys` makes: service.key and signing.json."
  type        = object({ service = string, signing = string })
  ephemeral   = true
  nullable    = false

  validation {
    condition     = length(trimspace(var.keys.service)) >= 32
    error_message = "The service key has 32 characters or more: bin/maas make-keys makes one."
  }
  validation {
    condition     = can(jsondecode(var.keys.signing).keys[0].d)
    error_message = "The signing keys are a JWK set with private parts: bin/maas make-keys makes one."
  }
}

variable "verify_keys" {
  description = "The content of verify.json, the signing keys' public part."
  type        = string
  nullable    = false

  validation {
    condition     = can(jsondecode(var.verify_keys).keys[0].x) && !can(jsondecode(var.verify_keys).keys[0].d)
    error_message = "verify_keys is a JWK set without private parts: verify.json of bin/maas make-keys, never signing.json."
  }
}

variable "revisions" {
  description = "One number for each secret: it is written anew when its number is raised. Odd and even logins are two roles, so that the former one stays good while functions read the new one."
  type = object({
    owner = optional(number, 1)
    login = optional(number, 1)
    redis = optional(number, 1)
    store = optional(number, 1)
    keys  = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for revision in values(var.revisions) : revision >= 1 && floor(revision) == revision])
    error_message = "A revision is a whole number from 1 on."
  }
}

variable "sink" {
  description = "The Broker's address (K_SINK). A Kafka broker's is http://kafka-broker-ingress.knative-eventing.svc.cluster.local/maas/maas."
  type        = string
  default     = "http://broker-ingress.knative-eventing.svc.cluster.local/maas/maas"
  nullable    = false

  validation {
    condition     = can(regex("^https?://[^/ ]+/maas/maas$", var.sink))
    error_message = "The Broker's address ends with /maas/maas, its namespace and name."
  }
}

variable "trusted_proxies" {
  description = "The networks whose X-Forwarded-For is believed: queue-proxy's (loopback), the pods', and where the ingress connects from."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for network in var.trusted_proxies : can(cidrhost(network, 0)) || network == "::1"])
    error_message = "A trusted proxy is a network, like 10.244.0.0/16, or ::1."
  }
}

variable "config" {
  description = "More variables for all functions, of README.md's table. Nothing secret: they stand in the ConfigMap maas-config and in the state."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.config) : !can(regex("PASSWORD|SECRET|_KEY$|DATABASE_URL|REDIS_URL", name))])
    error_message = "config is no place for secrets: functions are given these as files."
  }
}

variable "migrate_image" {
  description = "The image of cmd/maas by its digest: it brings the schema up, and makes the login good, before functions read it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.migrate_image))
    error_message = "The image is named by its digest, registry/name@sha256:…, as tools/images prints it."
  }
}
