# What functions run on is not Terraform's to install here, but to look for before anything is made. Without these APIs no manifest could even
# be planned, and what the provider says then does not tell what to do.
data "kubernetes_resources" "apis" {
  api_version = "apiregistration.k8s.io/v1"
  kind        = "APIService"
}

locals {
  platform = {
    "v1.serving.knative.dev"       = "Knative Serving 1.19 or newer"
    "v1.eventing.knative.dev"      = "Knative Eventing 1.19 or newer, with a broker"
    "v1.sources.knative.dev"       = "Knative Eventing's sources"
    "v1beta1.serving.kserve.io"    = "KServe 0.17 or newer"
    "v1.gateway.networking.k8s.io" = "the Gateway API 1.2 or newer"
  }
  there   = data.kubernetes_resources.apis.objects[*].metadata.name
  missing = [for api, what in local.platform : what if !contains(local.there, api)]
}

resource "terraform_data" "platform" {
  lifecycle {
    precondition {
      condition     = length(local.missing) == 0
      error_message = "The cluster lacks ${join(", ", local.missing)}: install it, as docs/operations.md (\"Operations on a cluster\") has it, and apply again."
    }
  }
}
