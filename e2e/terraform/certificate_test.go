//go:build terraform

package terraform

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/17882237881/MaaS/e2e/e2etest"
)

// certificate writes one for a host, signed by an authority that is nobody else's, and returns the files as the variable postgres_tls has them.
func certificate(t testing.TB, folder, host string) map[string]string {
	t.Helper()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "MaaS's test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		DNSNames: []string{host}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signing, key := newKey(t), newKey(t)
	files := map[string]string{}
	write := func(name, kind string, der []byte, err error) {
		t.Helper()
		e2etest.Must(t, err)
		files[name] = filepath.Join(folder, "postgres-"+name+".pem")
		e2etest.Must(t, os.WriteFile(files[name], pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, signing.Public(), signing)
	write("ca", "CERTIFICATE", der, err)
	der, err = x509.CreateCertificate(rand.Reader, server, authority, key.Public(), signing)
	write("certificate", "CERTIFICATE", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(key)
	write("key", "PRIVATE KEY", der, err)
	return files
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	e2etest.Must(t, err)
	return key
}
