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

run "the_password_is_in_no_state" {
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "The owner's password is given, and not AWS's to make."
  }
  assert {
    condition     = aws_db_instance.this.master_user_secret_kms_key_id == aws_kms_key.this.key_id
    error_message = "The owner's password is not kept by the key of its own."
  }
}
