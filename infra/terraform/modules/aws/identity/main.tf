# A role for each ServiceAccount that needs one, and no key anywhere: EKS Pod Identity gives a pod its role's credentials, for hours.

locals {
  cluster = regex("^arn:(?P<partition>[^:]+):eks:(?P<region>[^:]+):(?P<account>[^:]+):cluster/(?P<name>.+)$", var.cluster_arn)

  # Keys as shared/objects makes them: t/<tenant>/<upload> and t/<tenant>/manifests/<digest>. A "?" is one character, so neither is the other.
  uuid = "????????-????-????-????-????????????"
  on = {
    bucket    = [var.object_storage.bucket_arn]
    uploads   = ["${var.object_storage.bucket_arn}/t/${local.uuid}/${local.uuid}"]
    manifests = ["${var.object_storage.bucket_arn}/t/${local.uuid}/manifests/*"]
  }

  # What each function asks S3 for: those with the label needs.maas.dev/store, and no others, which a test compares. Aborting looks first whether
  # the object is there (GetObject), and S3 says that it is not only to who may list (ListBucket): to others it is forbidden.
  store = {
    upload-init = { # begins uploads, and aborts what it began for nothing
      bucket  = ["s3:ListBucket"]
      uploads = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    }
    upload-chunk = { # sends parts
      uploads = ["s3:PutObject"]
    }
    upload-status = { # cancels
      bucket  = ["s3:ListBucket"]
      uploads = ["s3:AbortMultipartUpload", "s3:GetObject"]
    }
    complete = { # looks whether all parts are there
      uploads = ["s3:ListMultipartUploadParts"]
    }
    verify-upload = { # puts the parts together, reads the whole, deletes what is rejected
      bucket  = ["s3:ListBucket"]
      uploads = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    }
    publish-version = { # writes the manifest, and reads one that was there already
      manifests = ["s3:GetObject", "s3:PutObject"]
    }
    versions = { # reads files, or signs addresses that do
      uploads = ["s3:GetObject"]
    }
    sweep = { # lists all, deletes what nothing needs, and puts a manifest back that was needed after all
      bucket    = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
      manifests = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      uploads   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject"]
    }
  }
  # What brings a model's files to its server. A manifest that is missing is forbidden to it, not missing: it may not list tenants' keys.
  fetch = {
    manifests = ["s3:GetObject"]
    uploads   = ["s3:GetObject"]
  }
  # Those with the label needs.maas.dev/redis.
  cached = var.redis == null ? [] : ["deploy-version", "infer", "meter-usage", "models", "publish-version", "sweep", "upload-init", "versions"]

  accounts = merge(
    { for function in setunion(keys(local.store), local.cached) : function => {
      namespace = var.namespace, account = function, store = lookup(local.store, function, {}), cached = contains(local.cached, function)
    } },
    { fetch = { namespace = var.models_namespace, account = var.models_service_account, store = local.fetch, cached = false } },
  )
  policies = { for key, a in local.accounts : key => concat(
    [for what, actions in a.store : { Effect = "Allow", Action = actions, Resource = local.on[what] }],
    # A part is written by a data key, and the whole is read back by one: KMS gives them for this bucket's objects, asked by S3 alone.
    length(a.store) == 0 ? [] : [{
      Effect   = "Allow"
      Action   = contains(flatten(values(a.store)), "s3:PutObject") ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"]
      Resource = [var.object_storage.kms_key_arn]
      Condition = { StringEquals = {
        "kms:ViaService"                   = "s3.${local.cluster.region}.amazonaws.com"
        "kms:EncryptionContext:aws:s3:arn" = var.object_storage.bucket_arn
      } }
    }],
    !a.cached ? [] : [{ Effect = "Allow", Action = ["elasticache:Connect"], Resource = var.redis.connect_arns }],
  ) }
}

resource "aws_iam_role" "this" {
  for_each = local.accounts

  name                 = "${var.name}-${each.key}"
  description          = "ServiceAccount ${each.value.namespace}/${each.value.account} of ${local.cluster.name}"
  permissions_boundary = var.permissions_boundary

  # EKS says for whom it asks, so that the role is of no use to another cluster, namespace or ServiceAccount, whoever associates it.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        ArnEquals = { "aws:SourceArn" = var.cluster_arn }
        StringEquals = {
          "aws:SourceAccount"                         = local.cluster.account
          "aws:RequestTag/kubernetes-namespace"       = each.value.namespace
          "aws:RequestTag/kubernetes-service-account" = each.value.account
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.accounts

  name   = "needs"
  role   = aws_iam_role.this[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.policies[each.key] })
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = local.accounts

  cluster_name    = local.cluster.name
  namespace       = each.value.namespace
  service_account = each.value.account
  role_arn        = aws_iam_role.this[each.key].arn

  depends_on = [aws_iam_role_policy.this] # a pod that starts with the role can use it
}
