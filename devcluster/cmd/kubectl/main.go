// SPDX-License-Identifier: Apache-2.0

// Command kubectl is the official client of the same Kubernetes version as fairlead-devcluster, built in its module so
// that tests and the demo need no kubectl on the machine and both programs share one build cache.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	// Authentication helpers that a kubeconfig may name (exec, OIDC, ...), as the official program links them.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
)

func main() {
	command := cmd.NewDefaultKubectlCommand()
	if err := cli.RunNoErrOutput(command); err != nil {
		util.CheckErr(err)
	}
	os.Exit(0)
}
