#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# upgrade.sh MINOR.PATCH (e.g. 34.4 for Kubernetes v1.34.4): writes go.mod and go.sum anew. Run by a developer
# only; both files are committed.
#
# k8s.io/kubernetes requires its staging modules as "v0.0.0", because they live in its own tree. The module
# proxy serves the same modules as v0.MINOR.PATCH. So each requirement at v0.0.0 gets one replace line.
set -eu
cd "$(dirname "$0")"
version=${1:?"usage: upgrade.sh MINOR.PATCH, e.g. 34.4"}
# These two have been missing on the proxy for one patch release (34.5): look before anything is written.
go mod download "k8s.io/cri-api@v0.$version" "k8s.io/cri-client@v0.$version"
rm -f go.mod go.sum
go mod init fairlead.dev/devcluster
upstream=$(go mod download -json "k8s.io/kubernetes@v1.$version" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
set -- -require="k8s.io/kubernetes@v1.$version" -go="$(awk '$1 == "go" { print $2 }' "$upstream")"
for module in $(awk '$2 == "v0.0.0" { print $1 }' "$upstream" | sort -u); do
  set -- "$@" -replace="$module=$module@v0.$version"
done
go mod edit "$@"
go mod tidy
