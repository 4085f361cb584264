// Package field has one test for each fault that was found by using MaaS as its users do and by trying what users of its peers reported: each is
// named for the behaviour that is right. They run on one machine; those without the build constraint !cluster run on a cluster as well.
package field
