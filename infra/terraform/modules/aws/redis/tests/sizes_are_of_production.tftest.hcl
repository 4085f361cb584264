mock_provider "aws" {
  source = "../mocks"
}

variables {
  name       = "maas"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
}

run "small" {
  assert {
    condition     = aws_elasticache_replication_group.this.node_type == "cache.t4g.small" && aws_elasticache_replication_group.this.engine == "valkey" && aws_elasticache_replication_group.this.engine_version == "8.0"
    error_message = "small is another type, or it is not Valkey 8."
  }
}

run "medium" {
  variables {
    size = "medium"
  }
  assert {
    condition     = aws_elasticache_replication_group.this.node_type == "cache.m7g.large"
    error_message = "medium is another type."
  }
}

run "large" {
  variables {
    size     = "large"
    replicas = 2
  }
  assert {
    condition     = aws_elasticache_replication_group.this.node_type == "cache.r7g.xlarge" && aws_elasticache_replication_group.this.num_cache_clusters == 3
    error_message = "large is another type, or replicas are not made."
  }
}
