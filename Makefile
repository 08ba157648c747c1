# What one does here, one target each; `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help prerequisites setup build package release check test browser demo simulate baseline doctor bench mutations \
	oracle fuzz clean

VENV := .venv
FUNCTIONS := completion reaper inspector
# What people run on their own machines.
PROGRAMS := demo doctor baseline
# What is built here runs here, so it is built for this machine.
ARCHITECTURE := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
LAMBDA_TARGET := $(if $(filter arm64,$(ARCHITECTURE)),--arm64)

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
RELEASE := fargate-session-cleanup-$(VERSION)
PACKAGE := target/package/$(RELEASE)
# Whoever builds a function elsewhere gets the same bytes. Other flags for another binary would build all crates anew.
REMAPPED := RUSTFLAGS=--remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src=registry
LAMBDA_BUILD := $(REMAPPED) cargo lambda build --release

# Only `baseline` and `doctor` talk to AWS. For everything else SAM wants a Region and credentials even to read a template.
ifeq ($(filter baseline doctor,$(MAKECMDGOALS)),)
export AWS_DEFAULT_REGION := us-east-1
export AWS_ACCESS_KEY_ID := test
export AWS_SECRET_ACCESS_KEY := test
endif
export SAM_CLI_TELEMETRY := 0

# $(call stage,name,command) runs a command and says how long it took.
stage = @start=$$SECONDS; echo "==> $(1)"; \
	$(2) || { echo "==> $(1): failed after $$((SECONDS - start)) s" >&2; exit 1; }; \
	echo "==> $(1): $$((SECONDS - start)) s"

help: ## Lists the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

prerequisites:
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }
	@command -v python3 >/dev/null || { echo "python3 is missing: install Python 3.11 or newer" >&2; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$$(python3 --version) is too old: install Python 3.11 or newer" >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' \
		|| { echo "python3 has no venv and pip: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }

$(VENV)/.installed: requirements.txt constraints.txt | prerequisites
	@echo "Installing the tools of requirements.txt into $(VENV) (about 1 GB on disk)"
	@python3 -m venv $(VENV)
	$(call stage,pip install,$(VENV)/bin/pip install --quiet --disable-pip-version-check -r requirements.txt)
	@touch $@

setup: prerequisites $(VENV)/.installed ## Installs the pinned tools into .venv

build: setup ## Builds the functions and the template for this machine
	@# SAM runs this very command, but hides what the compiler says for minutes.
	$(call stage,cargo lambda build,$(LAMBDA_BUILD) $(LAMBDA_TARGET) $(FUNCTIONS:%=--bin %))
	$(call stage,sam build,$(REMAPPED) sam build --parameter-overrides Architecture=$(ARCHITECTURE))

# The simulation without what takes seconds: histories at random, a day of a pool, every call boundary of a story,
# and the hours that alarms are evaluated over.
QUICK := --skip storms --skip pool_day --skip crashes --skip races --skip single_faults --skip timing --skip reuse --skip alarms::

package: build ## Packs what was built as a release is, for this machine alone, and unpacks it in target/package
	@cargo build --quiet --locked --workspace $(PROGRAMS:%=--bin %)
	@for program in $(PROGRAMS); do mkdir -p target/package/programs/$$program && \
		strip -o target/package/programs/$$program/bootstrap target/debug/$$program; done
	$(call stage,package,tools/release/pack target/package \
		--functions $(ARCHITECTURE)=target/lambda --programs $(ARCHITECTURE)=target/package/programs)
	@rm -rf $(PACKAGE)
	@tar --extract --touch --file $(PACKAGE).tar.gz --directory target/package
	@ln -s $(CURDIR)/$(VENV) $(PACKAGE)/.venv

OTHER := $(if $(filter arm64,$(ARCHITECTURE)),x86_64,arm64)

release: build ## Builds for both processors, tries both, and leaves a release in dist (20 min; needs qemu-user and a libc for it)
	$(call stage,cargo lambda build for $(OTHER),$(LAMBDA_BUILD) --locked --$(subst _,-,$(OTHER)) \
		--lambda-dir target/lambda-$(OTHER) $(FUNCTIONS:%=--bin %) $(PROGRAMS:%=--bin %))
	$(call stage,cargo lambda build,$(LAMBDA_BUILD) --locked $(LAMBDA_TARGET) $(PROGRAMS:%=--bin %))
	$(call stage,functions of $(OTHER),tools/release/emulate $(OTHER) target/lambda-$(OTHER) permissions::)
	$(call stage,pack,tools/release/pack dist \
		--functions $(ARCHITECTURE)=target/lambda --programs $(ARCHITECTURE)=target/lambda \
		--functions $(OTHER)=target/lambda-$(OTHER) --programs $(OTHER)=target/lambda-$(OTHER))
	$(call stage,demo with Python alone,tools/release/try dist/$(RELEASE).tar.gz)

check: prerequisites ## What one runs between two edits: format, clippy, unit tests, house, quick simulation
	$(call stage,cargo fmt,cargo fmt --all --check)
	$(call stage,cargo clippy,cargo clippy --workspace --all-targets --locked -- -D warnings)
	$(call stage,mutations fit,tests/mutations/run --check)
	$(call stage,unit tests,cargo test --quiet --locked -p session-cleanup)
	$(call stage,house and simulation,cargo test --quiet --locked -p session-cleanup-tests \
		--test house --test simulation -- $(QUICK))

test: setup ## Runs everything that CI runs
	$(call stage,cargo fmt,cargo fmt --all --check)
	$(call stage,cfn-lint,cfn-lint template.yaml)
	$(call stage,sam validate,sam validate --lint)
	$(call stage,mutations fit,tests/mutations/run --check)
	$(call stage,workflows,tests/workflows)
	$(call stage,cargo test --no-run,cargo test --workspace --locked --no-run)
	@$(MAKE) --no-print-directory package
	$(call stage,terraform,tests/terraform $(PACKAGE))
	@# What waits, over real sockets, and beside it what computes, clippy first: that gets what the other leaves.
	$(call stage,cargo test and clippy,tests/side_by_side)

browser: setup demo ## Draws the dashboard, the widget and the demo's page, and looks at them in a headless Chromium
	$(call stage,dashboard,cargo test --quiet --locked -p session-cleanup-tests --test simulation \
		alarms::dashboard::the_six_hours_are_drawn)
	$(call stage,browser,cargo test --quiet --locked -p session-cleanup-tests --test browser)

demo: package ## Shows sessions being cleaned, on a local AWS
	@$(PACKAGE)/programs/demo-$(ARCHITECTURE)

# The log of a week, as SAM reads it from CloudWatch, or a file.
FILE := $(if $(filter command line,$(origin LOG)),$(LOG))
OBSERVED = $(if $(FILE),cat "$(FILE)",sam logs --stack-name "$(STACK)" --name CompletionFunction \
	--start-time '7 days ago' --filter observed)

# Of the whole workspace, so that what the tests are built with serves these too: one set of features.
baseline: setup ## A week in the mode observe, session by session, beside the owner's own way (STACK=name, or LOG=file)
	@[ -n "$(STACK)$(FILE)" ] || { echo "say which: make baseline STACK=name, or LOG=file" >&2; exit 2; }
	@cargo build --quiet --locked --workspace --bin baseline
	@$(OBSERVED) | target/debug/baseline

doctor: setup ## Whether a stack is set up right: asks its functions, and looks at what invokes them (STACK=name)
	@[ -n "$(STACK)" ] || { echo "say which: make doctor STACK=name" >&2; exit 2; }
	@cargo build --quiet --locked --workspace --bin doctor
	@target/debug/doctor "$(STACK)"

# All of them, or: one-cleanup batches cold-start orphans sweeps storm drain cost
CHAPTERS :=

bench: setup build ## Measures everything anew and writes docs/benchmarks.md and docs/cost.md (25 min; CHAPTERS="batches drain")
	$(call stage,cargo lambda build,$(LAMBDA_BUILD) --locked $(LAMBDA_TARGET) --bin hello)
	$(call stage,cargo build,cargo build --quiet --locked --profile search -p session-cleanup-bench --bin session-cleanup-bench)
	@target/search/session-cleanup-bench $(CHAPTERS)

SEEDS := 1000
FROM := 0
SEARCH := target/search/simulate

# An optimised build and that of the tests must tell the same history.
simulate: setup ## Plays histories on all cores, shortens those that break a promise (SEEDS=1000 FROM=0, or REPLAY=file)
	$(call stage,cargo build,cargo build --quiet --locked --profile search -p session-cleanup-histories --bin simulate)
	@if [ -n "$(REPLAY)" ]; then exec $(SEARCH) replay "$(REPLAY)"; fi; \
		cargo build --quiet --locked --workspace --bin simulate; \
		for seed in $(FROM) 1 2 3; do cmp <($(SEARCH) trace $$seed) <(target/debug/simulate trace $$seed) \
			|| { echo "seed $$seed is another history in another build" >&2; exit 1; }; done; \
		$(SEARCH) exhaust && $(SEARCH) search $(SEEDS) $(FROM)

# How long is searched, and how many worlds are compared.
FUZZ_SECONDS ?= 60
ORACLE_CASES ?= 1000000

oracle: prerequisites ## Compares the decision tables with the pages over ORACLE_CASES random worlds
	ORACLE_CASES=$(ORACLE_CASES) ORACLE_SEED=$${ORACLE_SEED:-$$RANDOM} cargo test --locked -p session-cleanup --lib \
		--config 'profile.dev.package.session-cleanup.opt-level=3' --config 'profile.dev.package.proptest.opt-level=3' \
		--config 'profile.dev.package.rand_chacha.opt-level=3' -- oracle --nocapture

fuzz: prerequisites ## Tries odd input for FUZZ_SECONDS on everything that reads what comes from outside
	FUZZ_SECONDS=$(FUZZ_SECONDS) cargo test --locked -p session-cleanup --lib \
		--config 'profile.dev.package.session-cleanup.opt-level=3' -- whatever --nocapture

mutations: prerequisites ## Takes each safeguard out and demands that its test fails
	@tests/mutations/run

clean: ## Removes what was built (the tools in .venv stay)
	cargo clean
	rm -rf .aws-sam dist
