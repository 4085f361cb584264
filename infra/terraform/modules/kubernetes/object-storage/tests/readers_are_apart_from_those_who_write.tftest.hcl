# The server takes each account for what the folder says in which it is mounted.
mock_provider "kubernetes" {}

variables {
  namespace                = "maas-stores"
  image                    = "registry.example.com/maas@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  secret_access_key        = "a-secret-access-key-of-a-test-of-it"
  reader_secret_access_key = "a-secret-access-key-of-its-reader"
  volume                   = { storage_class = "gp3" }
  revision                 = 2
}

run "mounts" {
  command = plan

  assert {
    condition = { for mount in kubernetes_manifest.server.manifest.spec.template.spec.containers[0].volumeMounts : mount.mountPath => one([
      for volume in kubernetes_manifest.server.manifest.spec.template.spec.volumes : try(volume.secret.secretName, "") if volume.name == mount.name
      ]) if startswith(mount.mountPath, "/run/secrets/") } == {
      "/run/secrets/maas/a"         = "object-storage-a"
      "/run/secrets/maas/b"         = "object-storage-b"
      "/run/secrets/maas-readers/a" = "object-storage-reader-a"
      "/run/secrets/maas-readers/b" = "object-storage-reader-b"
    }
    error_message = "An account is mounted where it may do more, or less."
  }
  assert {
    condition     = strcontains(join(" ", kubernetes_manifest.server.manifest.spec.template.spec.containers[0].args), "--credentials /run/secrets/maas --readers /run/secrets/maas-readers ")
    error_message = "The server is told of other folders."
  }
}
