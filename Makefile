# Copyright: (c) 2026, the mailinabox.admin contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Every target sets up what it needs: see tools/setup_venv.py. PYTHON=python3.13 chooses the interpreter, and
# CORE=2.20 the ansible-core.
.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' Makefile)

VERSION ?= v76
PORT ?= 0
TAG ?=
CORES ?=

python := .venv/bin/python
setup := $(or $(PYTHON),python3) tools/setup_venv.py
stages := $(python) tools/run_stages.py

# Without bytecode each of the many Ansible processes compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-13s %s\n", $$1, $$2}' Makefile

setup:  ## Make or refresh .venv with everything
	@$(setup) dev

setup-demo:
	@$(setup) demo

demo: setup-demo  ## Watch the collection change a simulated box
	@$(python) tools/demo.py

bench: setup  ## Measure how long things take, and write benchmarks/results.md
	@PYTHONPATH=tools $(python) -m benchmarks

box: setup-demo  ## Start a simulated box to play with: VERSION=v76 PORT=0
	@$(python) -m tests.box --version $(VERSION) --port $(PORT)

conformance: setup  ## Compare a THROW-AWAY box with the known ones: HOST=... USERNAME=... [CA=...] [PARTS=...] [RECORD=name] YES=1
	@$(python) -m tests.contract.conformance --host "$(HOST)" --username "$(USERNAME)" $(addprefix --ca ,$(CA)) $(addprefix --parts ,$(PARTS)) \
		$(addprefix --record ,$(RECORD)) $(if $(YES),--yes)

test: setup  ## All stages, one after the other
	@$(stages)

guards: setup  ## Take each guard out of the code, and see its test fail: see docs/guarantees.md
	@$(python) tools/try_guards.py

test-all: setup  ## The stages that depend on it, on each ansible-core that this machine can run: CORES="2.18 2.21"
	@$(python) tools/all_cores.py $(CORES)

format: setup  ## Format the code, and mend what ruff can mend
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

lint: setup  ## Stages format, lint and types
	@$(stages) format lint types

docs: setup  ## The documentation site, in docs/build/html
	@$(python) tools/build_docs.py

docs-lint: setup  ## Stage docs: what the documentation is written in, and the site
	@$(stages) docs

picture: demo  ## Draw the plan of the demo for the README
	@$(python) tools/picture.py

licenses: ## Stage licenses: reuse
pre-commit: ## Stage pre-commit: what its hooks say of all files
types: ## Stage types: mypy
unit: ## Stage unit: pytest, no server
bad-input: ## Stage bad-input: every option fed with anything
contract: ## Stage contract: pytest, the simulated box against recordings
transitions: ## Stage transitions: any box, any declaration, and what came of it
integration: ## Stage integration: playbooks against the simulated box
faults: ## Stage faults: pytest, every kind of fault at every kind of write
browser: ## Stage browser: the page of the playbook health in headless Chromium
monitoring: ## Stage monitoring: metrics, alert rules and the dashboard, as promtool judges them
dns: ## Stage dns: records pushed to PowerDNS through octoDNS, and asked of name servers
acme: ## Stage acme: certificates of the ACME server Pebble through DNS-01
artifact: ## Stage artifact: build it, check it, install it in each way that README shows, run the demo from it
sanity: ## Stage sanity: ansible-test
ansible-lint: ## Stage ansible-lint
molecule: ## Stage molecule: all scenarios
licenses types unit bad-input contract transitions integration faults browser monitoring dns acme sanity ansible-lint molecule artifact pre-commit: setup
	@$(stages) $@

build: setup-demo  ## The artifact, in .cache/artifact
	@$(python) tools/artifact.py build

supported-boxes: setup  ## Write docs/supported-boxes.md from the table that the tests run
	@$(python) -m tests.contract.supported_boxes

schema: setup  ## Write the JSON Schema of declarations, docs/schemas/declaration.json
	@$(python) tools/declaration_schema.py

sbom: setup  ## List the packages that the execution environment needs, as CycloneDX, in .cache/artifact
	@$(python) tools/sbom.py

changelog: setup  ## Make a release of the fragments, for the version in galaxy.yml: CHANGELOG.md, changelogs/
	@PATH="$(CURDIR)/.venv/bin:$$PATH" antsibull-changelog release

release-check: setup  ## Whether this checkout is ready to be the version in galaxy.yml, or is it: TAG=1.0.0
	@$(python) tools/release.py $(TAG)

release: release-check  ## The checklist of a release: ready, all tests passed; tells how to tag it
	@$(stages)
	@$(python) tools/release.py

clean:  ## Remove what the other targets made
	rm -rf .venv .cache .ansible .hypothesis tests/output docs/build docs/reference changelogs/.plugin-cache.yaml
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
