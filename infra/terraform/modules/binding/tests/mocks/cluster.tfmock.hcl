# A cluster without MaaS: nobody has its namespaces.

override_data {
  target = module.namespace["maas"].data.kubernetes_resources.there
  values = { objects = [] }
}

override_data {
  target = module.namespace["maas-models"].data.kubernetes_resources.there
  values = { objects = [] }
}
