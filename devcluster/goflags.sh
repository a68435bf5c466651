# SPDX-License-Identifier: Apache-2.0
# Sourced by build.sh and test.sh. Each of these flags is part of the key of Go's build cache: one command with other
# flags compiles all 2,400 packages again. So everything in this module runs with exactly these.
export GOFLAGS='-trimpath -buildvcs=false -gcflags=all=-dwarf=false'
export CGO_ENABLED=0
export GOTOOLCHAIN=local
