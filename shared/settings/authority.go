package settings

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
)

// Authority returns a client's TLS configuration that trusts only the certificates in the variable, which are in PEM. It returns nil, for the
// system's authorities, if the variable is not set, and fails if it has no certificate. A file (NAME_FILE) is read now, and not again.
func (s Settings) Authority(name string) (*tls.Config, error) {
	text, err := s.Secret(name)
	if err != nil || text == "" {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(text)) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", name)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
