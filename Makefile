# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Every target installs what it needs: see tools/setup_venv.py. PYTHON=python3.13 sets the interpreter, CORE=2.20 the
# ansible-core version.
.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' Makefile)

VERSION ?= v76
PORT ?= 0
TAG ?=
CORES ?=

python := .venv/bin/python
setup := $(or $(PYTHON),python3) tools/setup_venv.py
stages := $(python) tools/run_stages.py

# Without cached bytecode, each of the many Ansible processes would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-13s %s\n", $$1, $$2}' Makefile

setup:  ## Create or update .venv with everything
	@$(setup) dev

setup-demo:
	@$(setup) demo

demo: setup-demo  ## Watch the collection change a simulated box
	@$(python) tools/demo.py

bench: setup  ## Measure the speed, and write benchmarks/results.md; ONLY=updates measures one thing, and only prints
	@PYTHONPATH=tools $(python) -m benchmarks $(ONLY)

box: setup-demo  ## Start a simulated box: VERSION=v76 PORT=0
	@$(python) -m tests.box --version $(VERSION) --port $(PORT)

conformance: setup  ## Compare a DISPOSABLE box with the known ones: HOST=... USERNAME=... [CA=...] [PARTS=...] [RECORD=name] YES=1
	@$(python) -m tests.contract.conformance --host "$(HOST)" --username "$(USERNAME)" $(addprefix --ca ,$(CA)) $(addprefix --parts ,$(PARTS)) \
		$(addprefix --record ,$(RECORD)) $(if $(YES),--yes)

test: setup  ## Run all stages
	@$(stages)

guards: setup  ## Remove each guard from the code, and check that its test fails: see docs/guarantees.md
	@$(python) tools/try_guards.py

test-all: setup  ## Run the stages that depend on ansible-core, on each version that this machine can run: CORES="2.18 2.21"
	@$(python) tools/all_cores.py $(CORES)

format: setup  ## Format the code, and fix what ruff can fix
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

layers: setup  ## Write the layers of plugins/ into CONTRIBUTING.md
	@$(python) tools/layers.py

lint: setup  ## Run the stages format, lint and types
	@$(stages) format lint types

docs: setup  ## Build the documentation site in docs/build/html
	@$(python) tools/build_docs.py

docs-lint: setup  ## Stage docs: check the sources of the documentation, and build the site
	@$(stages) docs

picture: demo  ## Draw the picture of the demo's plan for the README
	@$(python) tools/picture.py

licenses: ## Stage licenses: reuse
pre-commit: ## Stage pre-commit: all hooks on all files
types: ## Stage types: mypy
unit: ## Stage unit: pytest, without a server
coverage: ## Stage coverage: the unit tests and some playbooks, and which lines of plugins/ they run
bad-input: ## Stage bad-input: random values for every option
contract: ## Stage contract: the simulated box compared with recordings
transitions: ## Stage transitions: random declarations on boxes in random states
integration: ## Stage integration: playbooks against the simulated box, except those of the stage coverage
faults: ## Stage faults: every kind of fault at every kind of write
browser: ## Stage browser: the page of the playbook health in headless Chromium
monitoring: ## Stage monitoring: metrics, alert rules and the dashboard, checked with promtool
dns: ## Stage dns: records pushed to PowerDNS through octoDNS, and queried from name servers
acme: ## Stage acme: certificates from the ACME server Pebble through DNS-01
artifact: ## Stage artifact: build it, check it, install it in each way that the README shows, run the demo from it
sanity: ## Stage sanity: ansible-test
ansible-lint: ## Stage ansible-lint
molecule: ## Stage molecule: all scenarios
licenses types unit coverage bad-input contract transitions integration faults browser monitoring dns acme sanity ansible-lint molecule artifact pre-commit: setup
	@$(stages) $@

build: setup-demo  ## Build the artifact in .cache/artifact
	@$(python) tools/artifact.py build

supported-boxes: setup  ## Write docs/supported-boxes.md from the table that the tests use
	@$(python) -m tests.contract.supported_boxes

schema: setup  ## Write the JSON Schema of declarations, docs/schemas/declaration.json
	@$(python) tools/declaration_schema.py

sbom: setup  ## List the packages that the execution environment needs, as CycloneDX, in .cache/artifact
	@$(python) tools/sbom.py

changelog: setup  ## Turn the fragments into a release of the version in galaxy.yml: CHANGELOG.md, changelogs/
	@PATH="$(CURDIR)/.venv/bin:$$PATH" antsibull-changelog release

release-check: setup  ## Check that this checkout is ready to be released as the version in galaxy.yml, or has its tag: TAG=1.0.0
	@$(python) tools/release.py $(TAG)

release: release-check  ## Check that the checkout is ready, run all tests, and print the commands that tag it
	@$(stages)
	@$(python) tools/release.py

clean:  ## Remove everything that the other targets created
	rm -rf .venv .cache .ansible .hypothesis tests/output docs/build docs/reference changelogs/.plugin-cache.yaml
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
