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
  functions = { for name, manifest in local.named : manifest.metadata.name => manifest if manifest.apiVersion == "serving.knative.dev/v1" }
  ways      = { for name, manifest in local.named : name => manifest if contains(local.leading, manifest.kind) }
  grounds   = { for name, manifest in local.named : name => manifest if !contains(local.leading, manifest.kind) && manifest.apiVersion != "serving.knative.dev/v1" }
}

# Accounts, rights, policies, the Gateway, how models run.
resource "kubernetes_manifest" "grounds" {
  for_each = local.grounds
  manifest = each.value

  depends_on = [terraform_data.platform, terraform_data.binding]
}

# A function's own variables come by a ConfigMap of their name and content: the provider (3.2.1) does not survive a Service with two of them, because
# Knative's schema leaves open what a variable's fieldRef is.
locals {
  variables = {
    for name, function in local.functions :
    name => { for variable in function.spec.template.spec.containers[0].env : variable.name => variable.value }
  }
}

resource "kubernetes_config_map_v1" "variables" {
  for_each = local.variables

  metadata {
    namespace = "maas"
    name      = "${each.key}-${substr(sha256(jsonencode(each.value)), 0, 8)}"
    labels    = { "app.kubernetes.io/part-of" = "maas" }
  }
  data      = each.value
  immutable = true

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [terraform_data.platform, terraform_data.binding]
}

resource "kubernetes_manifest" "functions" {
  for_each = local.functions

  manifest = merge(each.value, {
    # A function goes when its pods have gone: they still use what goes after it, and a namespace that finds pods looks again after half their grace only.
    metadata = merge(each.value.metadata, { finalizers = ["foregroundDeletion"] })
    spec = merge(each.value.spec, {
      template = merge(each.value.spec.template, {
        spec = merge(each.value.spec.template.spec, {
          containers = [
            for container in each.value.spec.template.spec.containers : merge(
              { for name, value in container : name => value if name != "env" },
              { envFrom = concat(container.envFrom, [{ configMapRef = { name = kubernetes_config_map_v1.variables[each.key].metadata[0].name } }]) },
            )
          ]
        })
      })
    })
  })

  wait {
    condition {
      type   = "Ready"
      status = "True"
    }
  }

  timeouts {
    create = "10m"
    update = "10m"
    delete = "12m" # longer than a pod may take to end its requests
  }

  depends_on = [kubernetes_manifest.grounds]
}

resource "kubernetes_manifest" "ways" {
  for_each = local.ways

  manifest = merge(each.value, {
    # A try's timeout is not in the Trigger's schema, which the provider goes by; without one, Knative's longest request ends it.
    spec = merge(each.value.spec, try({
      delivery = { for name, value in each.value.spec.delivery : name => value if name != "timeout" }
    }, {}))
  })

  # An event for a Trigger that is not ready is lost, and posted again two minutes later.
  dynamic "wait" {
    for_each = each.value.kind == "HTTPRoute" ? [] : ["Ready"]

    content {
      condition {
        type   = wait.value
        status = "True"
      }
    }
  }

  depends_on = [kubernetes_manifest.functions]
}

# Functions are made when what they mount is there, and are gone before it goes.
resource "terraform_data" "binding" {
  input = var.binding
}
