terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.82.2"
    }
  }

  # Bucket, key and region come with `terraform init -backend-config=…`: README.md, "State".
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
