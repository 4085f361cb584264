mock_provider "aws" {
  source = "../mocks"
}

variables {
  name       = "maas"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
}

run "nothing_is_kept" {
  assert {
    condition     = aws_elasticache_replication_group.this.snapshot_retention_limit == 0 && aws_elasticache_replication_group.this.final_snapshot_identifier == null
    error_message = "The cache is kept, which nobody needs."
  }
  assert {
    condition     = { for p in aws_elasticache_parameter_group.this.parameter : p.name => p.value }["maxmemory-policy"] == "allkeys-lru"
    error_message = "A full cache refuses to cache."
  }
}
