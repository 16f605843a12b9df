# Everything a person does with this repository. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
CARGO := tools/cargo
FORGE := node_modules/.bin/forge
# What is installed; built without what only tests have of the other members.
PROGRAMS := -p attester -p relayer -p devnet
# Where `make install` puts attester, relayer and devnet.
PREFIX ?= $(HOME)/.local
ARGS ?=

.PHONY: help demo test test-contracts test-rust test-sim test-e2e test-faults check bench soak install fresh-check stop clean-cache preflight build

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

preflight: ## check this machine and install missing system packages
	@tools/preflight
	@tools/contracts-ready

build: preflight
	@$(CARGO) build $(PROGRAMS)

demo: build ## a whole Metalayer on this machine, 1,000 messages, a table (ARGS="--json --keep --seed 7")
	@tools/demo $(ARGS)

test: preflight test-contracts test-rust test-sim test-e2e test-faults ## every test there is

test-contracts: ## Foundry tests, gas limits, and that the committed artifacts match their sources
	@tools/contracts-ready
	cd contracts && $(FORGE) test
	cd contracts && tools/artifacts --check
	cd contracts && tools/gas --check

test-rust: ## unit, property and conformance tests of every crate
	@tools/contracts-ready
	$(CARGO) test --workspace --exclude metalayer-tests --exclude metalayer-sim --exclude metalayer-bench
	tools/golden-random

# With the bugs that must be found compiled in, though asleep: the product is not built twice.
test-sim: ## the whole system in simulated time: seeds, every crash, every fault, planted bugs (one seed: tools/sim --seed 7)
	$(CARGO) test -p metalayer-sim -p metalayer-bench --features metalayer-sim/planted

test-e2e: ## the whole system on real nodes with real processes
	@tools/contracts-ready
	$(CARGO) build $(PROGRAMS)
	$(CARGO) test -p metalayer-tests -- --skip faults::

test-faults: ## lying, stopped and killed processes, failing disks, lost guards, on real nodes
	@tools/contracts-ready
	$(CARGO) build $(PROGRAMS)
	$(CARGO) test -p metalayer-tests faults::

check: preflight ## format, lints, licences, docs, and that the tests which documents name exist
	$(CARGO) fmt --all --check
	cd contracts && $(FORGE) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	tools/deny
	! $(CARGO) tree --workspace --edges features --invert metalayer-proto | grep planted # nothing that is installed has a planted bug
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --workspace --no-deps --document-private-items
	tools/shown-by

bench: build ## what everything costs: gas, CPU, requests to nodes, a restart (ARGS="--json"; two minutes)
	cd contracts && tools/gas --check >&2
	@$(CARGO) run --quiet -p metalayer-bench -- $(ARGS)

soak: build ## 10,000 seeds of the simulation, and ten demos with ten seeds
	@tools/sim --seeds 10000
	@tools/soak

install: build ## put attester, relayer and devnet into $(PREFIX)/bin
	@target=$$($(CARGO) target-dir); mkdir -p "$(PREFIX)/bin"; \
	for name in attester relayer devnet; do install -m 0755 "$$target/debug/$$name" "$(PREFIX)/bin/$$name"; done; \
	echo "installed attester, relayer and devnet into $(PREFIX)/bin" >&2

fresh-check: ## the demo in a bare Debian tree, from nothing (as root; as long as a cold build)
	tools/fresh-check

stop: ## end every process that a demo of this clone left running
	@tools/demo stop

clean-cache: ## remove the build cache that all clones share
	@target=$$($(CARGO) target-dir); rm -rf "$$target"; echo "removed $$target" >&2
