mock_provider "aws" {
  source = "../mocks"
}

variables {
  name       = "maas"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
}

run "functions_have_the_least_rights" {
  assert {
    condition     = startswith(aws_elasticache_user.functions.access_string, "on ~maas:* resetchannels &maas:* -@all ")
    error_message = "Functions reach keys or channels of others."
  }
  assert {
    condition     = !can(regex("\\+@|\\+(flush|config|keys|acl|debug|shutdown|replicaof|script)", aws_elasticache_user.functions.access_string))
    error_message = "Functions may do what they do not do."
  }
  assert {
    condition     = alltrue([for command in ["get", "mget", "set", "del", "getrange", "pttl", "eval", "evalsha", "publish", "subscribe", "ping", "hello"] : strcontains("${aws_elasticache_user.functions.access_string} ", " +${command} ")])
    error_message = "Functions may not do what they do."
  }
}
