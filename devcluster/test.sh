#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh [BIN_DIR [go test flags]]: unit tests, then the smoke tests of the programs that build.sh put into BIN_DIR
# (../out/bin when none is given).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=${1:-$here/../out/bin}
[ $# = 0 ] || shift
for program in fairlead-devcluster kubectl; do
  if [ ! -x "$bin/$program" ]; then
    echo "test.sh: $bin/$program is missing: run devcluster/build.sh $bin first" >&2
    exit 1
  fi
done
DEVCLUSTER_BIN=$(cd "$bin" && pwd)
# What the programs were built from: go test takes a result from its cache only when this is the same, too.
DEVCLUSTER_BUILD=$(cat "$bin/.devcluster.stamp")
export DEVCLUSTER_BIN DEVCLUSTER_BUILD
cd "$here"
. ./goflags.sh
# Without vet: it would analyse every package below these, too.
go test -vet=off -tags smoke "$@" ./internal/options ./internal/simkubelet ./smoke
