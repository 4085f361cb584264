variable "overlay" {
  description = "The folder of knative/overlays whose manifests are applied."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["local", "production"], var.overlay)
    error_message = "The overlays are local and production."
  }
}

variable "images" {
  description = "The image of each program by its digest; the names are those of the manifests, ko://…, as tools/images prints both."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(local.programs, keys(var.images))) == 0
    error_message = "No image is given for ${join(", ", setsubtract(local.programs, keys(var.images)))}: tools/images builds them all."
  }
  validation {
    condition     = alltrue([for image in values(var.images) : can(regex("@sha256:[0-9a-f]{64}$", image))])
    error_message = "Each image is named by its digest, registry/name@sha256:…, as tools/images prints it."
  }
}

variable "settings" {
  description = "What differs between clusters: the keys of the overlay's settings.yaml, which has the values that are not given here."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.settings), keys(local.defaults))) == 0
    error_message = "The overlay ${var.overlay} has no setting ${join(", ", setsubtract(keys(var.settings), keys(local.defaults)))}; it has ${join(", ", keys(local.defaults))}."
  }
  validation {
    condition     = alltrue([for value in values(var.settings) : can(regex("^[A-Za-z0-9][A-Za-z0-9.:/-]*$", value))])
    error_message = "A setting has letters, digits, dots, colons, slashes and hyphens."
  }
}

variable "binding" {
  description = "What the binding module gives once all that functions mount is there and the schema is up."
  type        = string
  nullable    = false
}
