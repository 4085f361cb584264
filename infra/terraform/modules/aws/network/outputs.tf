output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "For nodes and pods, one in each zone."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]
}

output "public_subnet_ids" {
  description = "For load balancers, one in each zone."
  value       = [for zone in var.zones : aws_subnet.public[zone].id]
}

output "data_subnet_ids" {
  description = "For the database and the cache, one in each zone, without a way out."
  value       = [for zone in var.zones : aws_subnet.data[zone].id]
}

output "data_cidrs" {
  description = "The addresses of data, for policies that let pods reach it."
  value       = [for zone in var.zones : aws_subnet.data[zone].cidr_block]
}

output "addresses" {
  description = "What the outside sees as the network's addresses."
  value       = [for zone in var.zones : aws_eip.nat[zone].public_ip]
}
