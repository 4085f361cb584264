terraform {
  required_version = "~> 1.11"

  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "3.2.1"
    }
  }

  # Bucket, key and region come with `terraform init -backend-config=…`: README.md, "State".
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
