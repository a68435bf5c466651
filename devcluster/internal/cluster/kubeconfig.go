// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	administrator = "devcluster-admin" // ServiceAccount in kube-system
	tokenSeconds  = int64(365 * 24 * time.Hour / time.Second)
	startLimit    = 30 * time.Second
)

// makeToken makes a cluster-admin ServiceAccount and a token of it, renewed at each start: what clients are given is a
// bearer token as in production, never the certificate of the components.
func (c *Cluster) makeToken() error {
	ctx, cancel := context.WithTimeout(c.serverContext, startLimit)
	defer cancel()
	accounts := c.client.CoreV1().ServiceAccounts(metav1.NamespaceSystem)
	_, err := accounts.Create(
		ctx,
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: administrator}},
		metav1.CreateOptions{},
	)
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	_, err = c.client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: administrator},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects: []rbacv1.Subject{
			{Kind: rbacv1.ServiceAccountKind, Namespace: metav1.NamespaceSystem, Name: administrator},
		},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	seconds := tokenSeconds
	request, err := accounts.CreateToken(ctx, administrator, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	c.token = request.Status.Token
	return nil
}

// WriteKubeconfig writes one file with a context c0, c1, ... for each cluster given; the first one is current.
func WriteKubeconfig(path string, clusters []*Cluster) error {
	config := clientcmdapi.NewConfig()
	for _, c := range clusters {
		authority, err := os.ReadFile(c.pki.certificate("ca"))
		if err != nil {
			return err
		}
		name := fmt.Sprintf("c%d", c.index)
		config.Clusters[name] = &clientcmdapi.Cluster{Server: c.URL(), CertificateAuthorityData: authority}
		config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: c.token}
		config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: metav1.NamespaceDefault}
	}
	config.CurrentContext = fmt.Sprintf("c%d", clusters[0].index)
	text, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	part := path + ".part" // readers never see half a file
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, path)
}
