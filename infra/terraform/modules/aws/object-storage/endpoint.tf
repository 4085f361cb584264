# Its name is its own (private_dns_enabled = false): nobody else's way to S3 changes.

resource "aws_security_group" "endpoint" {
  count = var.private_endpoint == null ? 0 : 1

  name        = "${var.name}-s3"
  description = "${var.name}: who reaches the store's addresses; they reach nobody"
  vpc_id      = var.private_endpoint.vpc_id
  tags        = { Name = "${var.name}-s3" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoint" {
  for_each = var.private_endpoint == null ? {} : var.private_endpoint.clients

  security_group_id            = aws_security_group.endpoint[0].id
  description                  = "S3 from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_endpoint" "this" {
  count = var.private_endpoint == null ? 0 : 1

  vpc_id              = var.private_endpoint.vpc_id
  subnet_ids          = var.private_endpoint.subnet_ids
  security_group_ids  = aws_security_group.endpoint[*].id
  service_name        = "com.amazonaws.${data.aws_region.this.name}.s3"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = false
  tags                = { Name = "${var.name}-s3" }

  # By this way there is this bucket alone, whoever's credentials a pod has.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
    }]
  })
}
