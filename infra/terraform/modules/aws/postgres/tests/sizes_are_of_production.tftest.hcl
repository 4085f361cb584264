mock_provider "aws" {
  source = "../mocks"
}

variables {
  name       = "maas"
  ca         = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
}

run "small" {
  assert {
    condition     = aws_db_instance.this.instance_class == "db.m7g.large"
    error_message = "The smallest size takes fewer connections than the functions open."
  }
  assert {
    condition     = aws_db_instance.this.max_allocated_storage == 1000 && aws_db_instance.this.storage_type == "gp3"
    error_message = "The storage does not grow."
  }
}

run "medium" {
  variables {
    size = "medium"
  }
  assert {
    condition     = aws_db_instance.this.instance_class == "db.m7g.xlarge"
    error_message = "medium is another class."
  }
}

run "large" {
  variables {
    size = "large"
  }
  assert {
    condition     = aws_db_instance.this.instance_class == "db.r7g.2xlarge"
    error_message = "large is another class."
  }
}

run "a_class_of_ones_own" {
  variables {
    instance_class = "db.r8g.4xlarge"
  }
  assert {
    condition     = aws_db_instance.this.instance_class == "db.r8g.4xlarge"
    error_message = "instance_class does not take the place of the size's own."
  }
}
