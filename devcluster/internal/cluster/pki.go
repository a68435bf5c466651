// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	certificateYears = 5
	// componentName is the user of this process's own clients (controllers, scheduler, kubelet) in audit logs.
	componentName = "devcluster:components"
	// logClientName is the API server towards the kubelet's log endpoint.
	logClientName   = "kube-apiserver-kubelet-client"
	frontProxyName  = "front-proxy-client"
	adminGroup      = "system:masters"
	completeMarker  = "complete"
	firstServiceIP  = "10.96.0.1" // of the service kubernetes.default
	serviceIPRange  = "10.96.0.0/16"
	loopbackAddress = "127.0.0.1"
)

// pki is a folder of PEM files: two authorities (clients and servers; front proxy), their leaves and the key that signs
// ServiceAccount tokens. It is made once per cluster and kept, so that kubeconfigs stay valid over restarts.
type pki struct{ dir string }

func (p pki) certificate(name string) string { return filepath.Join(p.dir, name+".crt") }
func (p pki) key(name string) string         { return filepath.Join(p.dir, name+".key") }

type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// openPKI makes the folder's files unless an earlier start has completed them.
func openPKI(dir string) (pki, error) {
	p := pki{dir}
	marker := filepath.Join(dir, completeMarker)
	if _, err := os.Stat(marker); err == nil {
		return p, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return p, err
	}
	main, err := p.makeAuthority("ca")
	if err != nil {
		return p, err
	}
	frontProxy, err := p.makeAuthority("front-proxy-ca")
	if err != nil {
		return p, err
	}
	client, server := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	addresses := []net.IP{net.ParseIP(loopbackAddress), net.ParseIP(firstServiceIP)}
	names := []string{
		"localhost",
		"kubernetes",
		"kubernetes.default",
		"kubernetes.default.svc",
		"kubernetes.default.svc.cluster.local",
	}
	subject := func(name string, groups ...string) pkix.Name {
		return pkix.Name{CommonName: name, Organization: groups}
	}
	for _, leaf := range []struct {
		file   string
		by     authority
		wanted x509.Certificate
	}{
		{"apiserver", main, x509.Certificate{Subject: subject("kube-apiserver"), ExtKeyUsage: server,
			IPAddresses: addresses, DNSNames: names}},
		{"kubelet", main, x509.Certificate{Subject: subject("devcluster-kubelet"), ExtKeyUsage: server,
			IPAddresses: addresses}},
		{"components", main, x509.Certificate{Subject: subject(componentName, adminGroup), ExtKeyUsage: client}},
		{"kubelet-client", main, x509.Certificate{Subject: subject(logClientName, adminGroup), ExtKeyUsage: client}},
		{"front-proxy-client", frontProxy, x509.Certificate{Subject: subject(frontProxyName), ExtKeyUsage: client}},
	} {
		leaf.wanted.KeyUsage = x509.KeyUsageDigitalSignature
		if _, err := p.issue(leaf.file, &leaf.wanted, &leaf.by); err != nil {
			return p, err
		}
	}
	tokens, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return p, err
	}
	if err := p.writeKey("service-accounts", tokens); err != nil {
		return p, err
	}
	return p, os.WriteFile(marker, nil, 0o600)
}

func (p pki) makeAuthority(name string) (authority, error) {
	return p.issue(name, &x509.Certificate{Subject: pkix.Name{CommonName: "devcluster-" + name}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}, nil)
}

// issue makes and writes one key and certificate, signed by itself when by is nil.
func (p pki) issue(name string, wanted *x509.Certificate, by *authority) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	if wanted.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return authority{}, err
	}
	now := time.Now()
	wanted.NotBefore, wanted.NotAfter = now.Add(-time.Hour), now.AddDate(certificateYears, 0, 0)
	signer := authority{wanted, key}
	if by != nil {
		signer = *by
	}
	der, err := x509.CreateCertificate(rand.Reader, wanted, signer.certificate, key.Public(), signer.key)
	if err != nil {
		return authority{}, err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(p.certificate(name), block, 0o600); err != nil {
		return authority{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return authority{}, err
	}
	return authority{certificate, key}, p.writeKey(name, key)
}

func (p pki) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(p.key(name), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// kubeletTLS is for the log endpoint: a client certificate of our authority is demanded.
func (p pki) kubeletTLS() (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(p.certificate("kubelet"), p.key("kubelet"))
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(p.certificate("ca"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", p.certificate("ca"))
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}, nil
}
