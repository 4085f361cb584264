locals {
  # What a size takes; functions take four connections a pod (knative/README.md, "Sizes").
  size = {
    small  = { cpu = "50m", memory = "512Mi", connections = 300, buffers = "128MB" }
    medium = { cpu = "250m", memory = "2Gi", connections = 500, buffers = "512MB" }
    large  = { cpu = "2", memory = "8Gi", connections = 1000, buffers = "2GB" }
  }[var.size]

  labels   = { "app.kubernetes.io/name" = "postgres", "app.kubernetes.io/instance" = var.name, "app.kubernetes.io/part-of" = "maas" }
  host     = "${kubernetes_service_v1.this.metadata[0].name}.${var.namespace}.svc.cluster.local"
  port     = 5432
  database = "maas"
  owner    = "maas_owner"
  data     = "/var/lib/postgresql/data"
  tls      = var.tls != null

  settings = merge(
    {
      listen_addresses        = "*"
      port                    = local.port
      unix_socket_directories = "/run/postgresql"
      hba_file                = "/etc/maas/pg_hba.conf"
      max_connections         = local.size.connections
      shared_buffers          = local.size.buffers
      jit                     = "off"
      timezone                = "UTC"
      log_timezone            = "UTC"
      log_min_messages        = "log" # an ERROR is its client's to report
      log_min_error_statement = "panic"
    },
    local.tls ? { ssl = "on", ssl_cert_file = "/run/secrets/maas/tls.crt", ssl_key_file = "/run/secrets/maas/tls.key", ssl_min_protocol_version = "TLSv1.3" } : {},
  )
}

resource "kubernetes_config_map_v1" "this" {
  metadata {
    namespace = var.namespace
    name      = var.name
    labels    = local.labels
  }
  data = {
    "initialise"  = file("${path.module}/initialise")
    "pg_hba.conf" = "local all all trust\n${local.tls ? "hostssl" : "host"} ${local.database} all all scram-sha-256\n"
  }
}

# The key is of the revision too: both are the server's own, and read when it starts.
resource "kubernetes_secret_v1" "this" {
  metadata {
    namespace = var.namespace
    name      = var.name
    labels    = local.labels
  }
  data_wo          = merge({ "owner-password" = var.owner_password }, local.tls ? { "tls.crt" = var.tls.certificate, "tls.key" = var.tls_key } : {})
  data_wo_revision = var.owner_revision
}

resource "kubernetes_service_v1" "this" {
  metadata {
    namespace = var.namespace
    name      = var.name
    labels    = local.labels
  }
  spec {
    selector = local.labels
    port {
      name        = "postgres"
      port        = local.port
      target_port = "postgres"
    }
  }
}

module "volume" {
  source = "../volume"

  namespace   = var.namespace
  name        = var.name
  storage_gib = var.storage_gib
  volume      = var.volume
}

module "policy" {
  source = "../policy"

  namespace = var.namespace
  name      = var.name
  labels    = local.labels
  port      = "postgres"
  clients   = var.clients
}
