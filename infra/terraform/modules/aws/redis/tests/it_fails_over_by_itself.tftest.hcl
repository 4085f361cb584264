mock_provider "aws" {
  source = "../mocks"
}

variables {
  name       = "maas"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
}

run "it_fails_over_by_itself" {
  assert {
    condition     = aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled && aws_elasticache_replication_group.this.num_cache_clusters == 2
    error_message = "Nothing takes over."
  }
}
