# What tools/terraform asks of every module and environment.
plugin "terraform" {
  enabled = true
  preset  = "all"
}
