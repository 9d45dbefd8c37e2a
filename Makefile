# `make help` lists what there is to do. Everything real happens in scripts/, which can be run by hand as well.

SHELL := bash
.DEFAULT_GOAL := help
# Arguments for the switch: make run ARGS="--help"
ARGS ?=

.PHONY: help run demo build assets test sound fuzz fmt lint deny bench load image clean

help: ## This list
	@echo 'audioroad: a telephony switch for radio call-in shows'
	@echo
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

run: build ## Build what is stale and start the switch
	target/release/audioroad serve $(ARGS)

demo: build ## The same with a show on air and callers that speak: no telephone needed
	target/release/audioroad demo $(ARGS)

build: ## Build the dashboards and target/release/audioroad, installing what is missing
	@scripts/check-toolchain
	@scripts/install-packages build
	@scripts/build-assets
	cargo build --release --locked

assets: ## Build the dashboards alone
	@scripts/check-toolchain
	@scripts/build-assets

test: ## Every check and test; the last line is `N passed, N failed`
	@scripts/check-toolchain
	@scripts/install-packages build test
	@scripts/test

sound: ## How callers on bad networks sound, scored beside fixed buffers; ARGS=score or ARGS=wire for a part
	@scripts/check-toolchain
	@scripts/install-packages build sound
	@scripts/sound $(ARGS)

fuzz: ## Feed the parsers what a fuzzer makes up; RUNS=10000000 for more, ARGS="sdp rtp" for some
	@scripts/check-toolchain
	@scripts/install-packages build
	@scripts/fuzz $(ARGS)

fmt: ## Format the Rust sources
	cargo fmt

lint: ## Clippy over everything; a warning is an error
	cargo clippy --locked --all-targets -- -D warnings

deny: ## Licences, advisories and sources of every dependency (needs cargo-deny)
	@command -v cargo-deny >/dev/null || { echo 'cargo-deny is missing: cargo install cargo-deny --locked'; exit 1; }
	cargo deny check

bench: build ## Benchmarks
	cargo bench --locked --bench '*' $(ARGS)

load: build ## The switch under load beside Janus, rtpengine, Kamailio and sipp: build/load; ARGS="mix hold --seconds 20" for some of it
	@scripts/install-packages bench
	cargo bench --locked --bench load -- $(ARGS)
	scripts/plot-load build/load/load.json build/load

image: ## A container image named audioroad
	docker build -t audioroad .

clean: ## Remove everything that was built; ./data is left alone
	cargo clean
	rm -rf build assets/dist assets/node_modules tests/browser/node_modules
