# What each test gives, where it says nothing else.
postgres       = { host = "postgres.example.com", port = 5432, database = "maas", owner = "maas_owner" }
redis          = { host = "redis.example.com", port = 6379, user = "maas_a", tls = true }
object_storage = { endpoint = "https://s3.example.com", public_endpoint = "https://s3.example.com", bucket = "maas", region = "eu-central-1" }
owner_password = "an-owner-password-of-a-test"
login_password = "a-login-password-of-a-test"
redis_password = "a-password-of-redis-of-a-test"
store_credentials = {
  functions = { access_key_id = "functions", secret_access_key = "a-secret-access-key-of-functions" }
  models    = { access_key_id = "models", secret_access_key = "a-secret-access-key-of-models" }
}
keys            = { service = "a-service-key-of-thirty-two-characters", signing = "{\"keys\":[{\"d\":\"private\",\"x\":\"public\"}]}" }
verify_keys     = "{\"keys\":[{\"x\":\"public\"}]}"
trusted_proxies = ["127.0.0.0/8"]
migrate_image   = "registry.example.com/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
