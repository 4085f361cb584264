mock_provider "aws" {
  source = "../mocks"
}

variables {
  name = "maas-files"
}

run "the_outputs_are_what_binding_takes" {
  assert {
    condition     = output.endpoint == "https://s3.eu-central-1.amazonaws.com" && output.public_endpoint == output.endpoint && output.bucket == "maas-files" && output.region == "eu-central-1"
    error_message = "Endpoint, bucket or region are not what was made."
  }
}
