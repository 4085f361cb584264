# One truth with `make deploy`: manifests/ has what kustomize makes of knative/overlays, with the images and the settings left open.
# `make generate` writes it.
locals {
  template = "${path.module}/manifests/${var.overlay}.yaml.tftpl"
  programs = toset(regexall("ko://[^\"]+", file(local.template)))
  defaults = yamldecode(file("${path.module}/../../../../knative/overlays/${var.overlay}/settings.yaml")).data

  manifests = [
    for text in split("\n---\n", templatefile(local.template, { images = var.images, settings = merge(local.defaults, var.settings) })) :
    yamldecode(text)
  ]
  # The namespaces are the binding's.
  named = {
    for manifest in local.manifests :
    "${manifest.kind}/${manifest.metadata.name}${try(manifest.metadata.namespace, "maas") == "maas" ? "" : ".${manifest.metadata.namespace}"}" => manifest
    if manifest.kind != "Namespace"
  }

  # What leads to functions, or is led to, comes after them and goes before them: an event or a request finds nobody else.
  leading   = ["Broker", "Trigger", "PingSource", "ApiServerSource", "HTTPRoute"]
  functions = { for name, manifest in local.named : name => manifest if manifest.apiVersion == "serving.knative.dev/v1" }
  ways      = { for name, manifest in local.named : name => manifest if contains(local.leading, manifest.kind) }
  grounds   = { for name, manifest in local.named : name => manifest if !contains(local.leading, manifest.kind) && manifest.apiVersion != "serving.knative.dev/v1" }
}

# Accounts, rights, policies, the Gateway, how models run.
resource "kubernetes_manifest" "grounds" {
  for_each = local.grounds
  manifest = each.value

  depends_on = [terraform_data.platform, terraform_data.binding]
}

resource "kubernetes_manifest" "functions" {
  for_each = local.functions
  manifest = each.value

  wait {
    condition {
      type   = "Ready"
      status = "True"
    }
  }

  timeouts {
    create = "10m"
    update = "10m"
  }

  depends_on = [kubernetes_manifest.grounds]
}

resource "kubernetes_manifest" "ways" {
  for_each = local.ways
  manifest = each.value

  depends_on = [kubernetes_manifest.functions]
}

# Functions are made when what they mount is there, and are gone before it goes.
resource "terraform_data" "binding" {
  input = var.binding
}
