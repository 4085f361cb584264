mock_provider "aws" {
  source = "../mocks"
}

variables {
  name       = "maas"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
}

run "logins_are_by_iam_alone" {
  assert {
    condition     = aws_elasticache_user.functions.authentication_mode[0].type == "iam" && aws_elasticache_user.functions.user_id == aws_elasticache_user.functions.user_name
    error_message = "The functions' user does not log in by IAM, which demands that its id is its name."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.auth_token == null && aws_elasticache_user.functions.passwords == null
    error_message = "There is a password."
  }
  assert {
    condition     = startswith(aws_elasticache_user.default.access_string, "off ") && strcontains(aws_elasticache_user.default.access_string, "-@all") && !strcontains(aws_elasticache_user.default.access_string, "+")
    error_message = "The user that everybody is may log in."
  }
  assert {
    condition     = aws_elasticache_replication_group.this.user_group_ids == toset(["maas"]) && aws_elasticache_user_group.this.user_ids == toset(["maas", "maas-default"])
    error_message = "The cache has other users."
  }
}
