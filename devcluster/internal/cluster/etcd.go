// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
)

const (
	etcdStartLimit  = 60 * time.Second
	walSegmentBytes = 8 << 20 // the default preallocates twice 64 MB for each state directory
	quotaBytes      = 4 << 30
	requestBytes    = 8 << 20
	tickMs          = 100
	electionMs      = 500 // one member: each start waits for its election
)

// StartEtcd runs the one etcd that all clusters of the process share, on a unix socket in a folder of mode 0700, so
// that no other user of the machine can reach it. The caller closes it last.
func StartEtcd(dir string, fsync bool) (etcd *embed.Etcd, endpoint string, err error) {
	config := embed.NewConfig()
	config.Name, config.Dir = "devcluster", filepath.Join(dir, "etcd")
	sockets := filepath.Join(dir, "run")
	if err := os.MkdirAll(sockets, 0o700); err != nil {
		return nil, "", err
	}
	client := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "etcd.sock")}
	peer := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "peer.sock")}
	for _, socket := range []string{client.Path, peer.Path} { // left behind by a process that was killed
		if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, "", err
		}
	}
	config.ListenClientUrls, config.ListenPeerUrls = []url.URL{client}, []url.URL{peer}
	// What is advertised must be host:port; with one member nobody ever dials it.
	config.AdvertiseClientUrls = []url.URL{{Scheme: "http", Host: "localhost:2379"}}
	config.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: "localhost:2380"}}
	config.InitialCluster = config.Name + "=http://localhost:2380"
	config.UnsafeNoFsync = !fsync
	config.TickMs, config.ElectionMs = tickMs, electionMs
	wal.SegmentSizeBytes = walSegmentBytes
	config.QuotaBackendBytes, config.MaxRequestBytes = quotaBytes, requestBytes
	config.EnableGRPCGateway = false
	config.LogLevel, config.LogOutputs = "error", []string{filepath.Join(dir, "etcd.log")}
	if etcd, err = embed.StartEtcd(config); err != nil {
		return nil, "", err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, "unix://" + client.Path, nil
	case err = <-etcd.Err():
	case <-time.After(etcdStartLimit):
		err = errors.New("not ready after 60 s")
	}
	etcd.Close()
	return nil, "", err
}
