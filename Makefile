# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Requires make and Python 3.10 or later. Everything else is installed into .venv/. `make help` lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
.SHELLFLAGS := -ec
MAKEFLAGS += --no-builtin-rules

VERSION := $(shell sed -n 's/^version: *//p' galaxy.yml)
TARBALL := build/backup-audit-$(VERSION).tar.gz

VENV := $(CURDIR)/.venv
PYTHON := $(VENV)/bin/python
TOOLS_READY := .venv/.tools
COLLECTION_READY := .venv/collections/.installed
AUDIT := build/audit
RELEASE := build/release
SITE := build/site
TREE := .venv/tree/ansible_collections/backup/audit

# Includes folders, because they change when a file is removed. 'docs/.' because docs is also a target.
SOURCES := $(shell find galaxy.yml LICENSE LICENSES REUSE.toml README.md SECURITY.md CHANGELOG.md requirements.txt meta plugins \
    roles playbooks changelogs docs/. extensions tests/config.yml -not -name __pycache__ -not -name '*.pyc' 2>/dev/null)

export PATH := $(VENV)/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(VENV)/collections
# Ansible requires a UTF-8 locale.
export LC_ALL := C.UTF-8
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(TOOLS_READY) $(COLLECTION_READY) $(TREE) ## Install pinned tools and the collection into .venv/

.PHONY: demo
demo: setup ## Audit simulated backup servers and a real restic repository; results in build/demo/
	$(PYTHON) -m tests.tools.demo

# The integration tests in this list cover every product, the assertion and the role.
SHORT := tests/unit tests/tools tests/false_compliance \
    $(addprefix tests/integration/test_,contract.py plays.py role.py tutorial.py)

.PHONY: pictures
pictures: setup ## Update the pictures of the HTML report in docs/images/; needs Chromium
	PYTHONPATH=.:$(VENV)/tree $(PYTHON) -m tests.tools.pictures

# tests.tools.coverage combines the data of the processes. Measured tests take half as long again, so test-all measures
# only those that reach nearly all lines.
COV := --cov --cov-report=
MEASURED := tests/unit/plugins $(addprefix tests/integration/test_,contract.py plays.py role.py)

.PHONY: test test-all
test: setup ## Run the most important tests (a few minutes)
	$(PYTHON) -m pytest -n 2 $(SHORT)

test-all: setup ## Run all tests and check the coverage; run setup-programs first
	rm -rf build/coverage
	$(PYTHON) -m pytest -n 2 $(COV) $(MEASURED)
	$(PYTHON) -m pytest -n 2 $(addprefix --ignore=,$(MEASURED))
	$(MAKE) differential ESTATES=2000
	$(MAKE) faults test-real awx-check
	$(PYTHON) -m tests.tools.coverage

# The default first seed is 100,000, because the unit tests use the seeds before.
.PHONY: differential
differential: setup ## Compare the evaluation with a second implementation; ESTATES=100000 FIRST=SEED
	PYTHONPATH=.:$(VENV)/tree $(PYTHON) -m tests.reference --estates $(or $(ESTATES),10000) --first $(or $(FIRST),100000)

.PHONY: false-compliance
false-compliance: setup ## Test situations that a naive check reports as compliant
	$(PYTHON) -m pytest -v tests/false_compliance

.PHONY: setup-programs
setup-programs: ## Install backup tools, PostgreSQL, Chromium and Java with apt (needs root)
	sh tests/tools/install_programs.sh

.PHONY: test-real
test-real: setup ## Run tests with real backup tools and PostgreSQL; run setup-programs first
	$(PYTHON) -m pytest -n 2 --dist loadfile tests/real

.PHONY: faults
faults: setup ## Run every fault with every product and print a table
	PYTHONPATH=.:$(VENV)/tree $(PYTHON) -m tests.faults

.PHONY: coverage
coverage: setup ## Check the coverage of plugins/ by unit, integration and false-compliance tests
	rm -rf build/coverage
	$(PYTHON) -m pytest -n 2 $(COV) tests/unit/plugins tests/integration tests/false_compliance
	$(PYTHON) -m tests.tools.coverage

.PHONY: mutants mutants-all
mutants: setup ## Run mutation tests of changed lines; SINCE=COMMIT MINUTES=10
	$(PYTHON) -m tests.tools.mutate --changed $(if $(SINCE),--since $(SINCE)) --minutes $(or $(MINUTES),10)

mutants-all: setup ## Run mutation tests of all evaluation code; MINUTES=30 for a random part
	$(PYTHON) -m tests.tools.mutate --minutes $(or $(MINUTES),1440)

.PHONY: lint lint-license lint-github lint-style lint-types lint-ansible lint-docs lint-prose lint-links lint-changelog
lint: lint-license lint-github lint-style lint-types lint-ansible lint-docs lint-prose lint-links lint-changelog ## Check style, types, documentation, prose, links, changelog and licenses

lint-license: setup
	reuse lint --quiet || reuse lint

lint-github: setup
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))

lint-style: setup
	ruff check .
	ruff format --check .

lint-types: setup
	mypy -p ansible_collections.backup.audit.plugins
	mypy -p tests

lint-ansible: setup
	$(PYTHON) -m tests.tools.in_copy ansible-lint --nocolor --offline --profile production
	$(PYTHON) -m tests.tools.in_copy ansible-lint --nocolor --offline --profile production $(wildcard extensions/awx/project/*.yml)

lint-docs: setup
	$(PYTHON) -m tests.tools.in_copy antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self .

lint-prose: setup
	$(PYTHON) -m tests.tools.prose

lint-links: setup
	$(PYTHON) -m tests.tools.links

lint-changelog: setup
	$(PYTHON) -m tests.tools.in_copy antsibull-changelog lint

.PHONY: docs
docs: setup lint-links $(SITE)/.ready ## Build the documentation website in build/docs/ and check its links
	$(PYTHON) -m tests.tools.site $(SITE) build/docs
	$(PYTHON) -m tests.tools.links build/docs

$(SITE)/.ready: tests/requirements-docs.txt | $(TOOLS_READY)
	"$$(sh tests/tools/find_python.sh 3.14 3.13 3.12)" -m venv --clear $(SITE)
	$(SITE)/bin/python -m pip install --quiet -r tests/requirements-docs.txt
	touch $@

.PHONY: audit
audit: setup $(AUDIT)/.ready ## Check pinned and installed packages for known vulnerabilities
	$(PYTHON) -m tests.tools.audit $(AUDIT)/bin/pip-audit

$(AUDIT)/.ready: tests/requirements-audit.txt | $(TOOLS_READY)
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet -r tests/requirements-audit.txt
	touch $@

.PHONY: sanity
sanity: setup ## Run ansible-test sanity; CORE="2.18 2.19" for other versions of ansible-core
	$(PYTHON) -m tests.tools.sanity $(if $(CORE),--core "$(CORE)")

.PHONY: test-matrix
test-matrix: setup ## Run the tests with ansible-core 2.16 to 2.21; CORE=2.16 for one version
	$(PYTHON) -m tests.tools.matrix $(if $(CORE),--core "$(CORE)")

.PHONY: bench bench-smoke
bench: setup ## Run the benchmarks and update docs/development/benchmarks.md
	$(PYTHON) -m tests.benchmarks --page docs/development/benchmarks.md $(BENCH)

bench-smoke: setup ## Run small benchmarks to check that they work
	$(PYTHON) -m tests.benchmarks --small --results build/bench/smoke.json

.PHONY: awx-check
awx-check: setup ## Run the playbooks of the AWX templates with ansible-runner
	$(PYTHON) -m tests.awx.check

.PHONY: build
build: $(TARBALL) ## Build the tarball of the collection in build/
	@echo $(TARBALL)

# Does not need setup, which would look for a tarball of the new version.
.PHONY: release
release: $(TOOLS_READY) ## Set the version and create its changelog from the fragments; VERSION=2.0.0
	$(PYTHON) -m tests.tools.release "$(VERSION)"

.PHONY: release-check
release-check: setup lint-license $(RELEASE)/.ready ## Check whether the tarball is ready to publish
	$(PYTHON) -m tests.tools.release_check $(TARBALL) $(RELEASE)

$(RELEASE)/.ready: tests/requirements-release.txt | $(TOOLS_READY)
	$(PYTHON) -m venv --clear $(RELEASE)
	$(RELEASE)/bin/python -m pip install --quiet -r tests/requirements-release.txt
	touch $@

.PHONY: clean
clean: ## Remove everything that make created, including .venv/
	rm -rf .venv .venv-matrix build .ansible .hypothesis tests/output
	find plugins tests -type d -name __pycache__ -prune -exec rm -rf {} +

# An existing environment is updated to the pinned versions. Several instances of make may run at the same time.
$(TOOLS_READY): tests/requirements.txt tests/requirements-test.txt
	$(PYTHON) -m pip --version >/dev/null 2>&1 || \
	  { rm -rf .venv; python=$$(sh tests/tools/find_python.sh); echo "Creating .venv with $$python"; "$$python" -m venv .venv; }
	$(PYTHON) -m pip install --quiet -r tests/requirements.txt
	touch $@

$(TARBALL): $(SOURCES) | $(TOOLS_READY)
	ansible-galaxy collection build --force --output-path build .

$(COLLECTION_READY): $(TARBALL) | $(TOOLS_READY)
	ansible-galaxy collection install --offline --force -p .venv/collections $(TARBALL)
	touch $@

$(TREE): | $(TOOLS_READY)
	mkdir -p $(@D)
	ln -sfn ../../../.. $@
