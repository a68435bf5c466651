# SPDX-License-Identifier: Apache-2.0
# The verbs that a person types. What they do is in tools/.

SHELL := /bin/sh
# Go and Node that tools/bootstrap put there come first; otherwise the machine's own are used.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test test-full test-fresh bench build format lint clean
.NOTPARALLEL:

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{ printf "%-18s %s\n", $$1, $$2 }'

# Only a KUBECONFIG written behind `make demo` counts. One that happens to be in the environment may name a
# production cluster, and the demo writes to the cluster that it is given.
demo: ## build, then the main job on an embedded Kubernetes; ONCE=1 ends after the story, KUBECONFIG=f: your cluster
	@tools/build programs
	@env -u KUBECONFIG tools/demo $(if $(filter-out 0,$(ONCE)),--once) \
	  $(if $(filter command line,$(origin KUBECONFIG)),--kubeconfig "$(KUBECONFIG)")

test: ## build and run all tests
	@env -u KUBECONFIG tools/test

test-full: ## all tests, again under the sanitizers, with long simulations and a g++ compile check (an hour or two)
	@env -u KUBECONFIG tools/test_full

test-fresh: ## make demo ONCE=1 and make test inside a minimal Debian 12 made for it (needs root)
	@tools/test-fresh

bench: ## the benchmarks, with what they are compared to in the same run
	@tools/bootstrap build bench
	@tools/build 'programs benchmarks' release
	@env -u KUBECONFIG FAIRLEAD_BIN=$(CURDIR)/out/release/bin FAIRLEAD_TOOLS=$(CURDIR)/out/bin bench/run

build: ## install what is missing and build every program into out/bin
	@tools/build programs

format: ## format all C++ and Go files
	@tools/format

lint: ## tools/tidy and format check on all files, clang-tidy on changed ones (BASE=commit, ALL=1)
	@tools/lint

clean: ## remove what was built (not .tools/ and not the compiler caches)
	rm -rf out
