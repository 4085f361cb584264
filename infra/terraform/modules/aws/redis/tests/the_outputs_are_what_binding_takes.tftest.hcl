mock_provider "aws" {
  source = "../mocks"
}

variables {
  name       = "maas"
  vpc_id     = "vpc-0123456789abcdef0"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { cluster = "sg-0aaaaaaaaaaaaaaaa" }
}

run "the_outputs_are_what_binding_takes" {
  assert {
    condition     = output.host == "master.maas.abcdef.euc1.cache.amazonaws.com" && output.port == 6379 && output.user == "maas" && output.ca == null
    error_message = "Host, port, user or authority are not what was made."
  }
  assert {
    condition     = output.iam == { cache = "maas", region = "eu-central-1" } && length(output.connect_arns) == 2
    error_message = "What logins by IAM take is not what was made."
  }
}
