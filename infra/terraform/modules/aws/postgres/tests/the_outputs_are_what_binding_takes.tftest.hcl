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

run "the_outputs_are_what_binding_takes" {
  assert {
    condition     = output.host == "maas.abcdefghijkl.eu-central-1.rds.amazonaws.com" && output.port == 5432 && output.database == "maas" && output.owner == "maas_owner"
    error_message = "Host, port, database or owner are not what was made."
  }
  assert {
    condition     = output.ca == "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    error_message = "The authority is not the one that was given."
  }
}
