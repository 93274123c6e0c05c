# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Needs only make and a Python from 3.10 on; everything else goes into .venv/. `make help` says what there is.
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

# Folders as well: they change when a file in them is removed. 'docs/.' because docs is the name of a target.
SOURCES := $(shell find galaxy.yml LICENSE LICENSES REUSE.toml README.md SECURITY.md CHANGELOG.md requirements.txt meta plugins \
    roles playbooks changelogs docs/. extensions tests/config.yml -not -name __pycache__ -not -name '*.pyc' 2>/dev/null)

export PATH := $(VENV)/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(VENV)/collections
# Ansible refuses to run in a locale that is not UTF-8.
export LC_ALL := C.UTF-8
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(TOOLS_READY) $(COLLECTION_READY) $(TREE) ## everything into .venv/: pinned tools, the collection installed from its tarball

.PHONY: demo
demo: setup ## the compliance play against simulated backup servers and a real restic; findings in build/demo/
	$(PYTHON) -m tests.tools.demo

# The integration tests in here cover every product, the assertion and the role.
SHORT := tests/unit tests/tools tests/false_compliance \
    $(addprefix tests/integration/test_,contract.py plays.py role.py tutorial.py)

.PHONY: pictures
pictures: setup ## pictures of the HTML report in docs/images: wide, phone and print; needs Chromium (setup-programs)
	$(PYTHON) -m tests.tools.pictures

# Data of the processes is combined by tests.tools.coverage.
MEASURED := --cov --cov-report=

.PHONY: test test-all
test: setup ## the most important tests, in a few minutes
	$(PYTHON) -m pytest -n 2 $(SHORT)

test-all: setup ## all tests, also those with faults, real backup tools and AWX, and the coverage; setup-programs installs what they need
	rm -rf build/coverage
	$(PYTHON) -m pytest -n 2 $(MEASURED)
	$(MAKE) differential ESTATES=2000
	$(MAKE) faults test-real awx-check
	$(PYTHON) -m tests.tools.coverage

# Seeds from 100,000 on; the unit tests have the first ones.
.PHONY: differential
differential: setup ## the evaluation beside the reference evaluator over random estates; ESTATES=100000 for more, FIRST= is the first seed
	PYTHONPATH=.:$(VENV)/tree $(PYTHON) -m tests.reference --estates $(or $(ESTATES),10000) --first $(or $(FIRST),100000)

.PHONY: false-compliance
false-compliance: setup ## situations in which a naive check reports "compliant", with the result of this one
	$(PYTHON) -m pytest -v tests/false_compliance

.PHONY: setup-programs
setup-programs: ## backup tools, PostgreSQL, a browser and Java, which some tests run; by apt (with sudo if needed)
	sh tests/tools/install_programs.sh

.PHONY: test-real
test-real: setup ## tests with real restic, Borg, pgBackRest, Barman and PostgreSQL (make setup-programs installs them)
	$(PYTHON) -m pytest -n 2 --dist loadfile tests/real

.PHONY: faults
faults: setup ## every fault x every product, one table; an error if any ends in a wrong answer, a hang or a leak
	PYTHONPATH=.:$(VENV)/tree $(PYTHON) -m tests.faults

.PHONY: coverage
coverage: setup ## unit, integration and false compliance tests, and what they reach of plugins/, in modules and plays too; an error if too little
	rm -rf build/coverage
	$(PYTHON) -m pytest -n 2 $(MEASURED) tests/unit/plugins tests/integration tests/false_compliance
	$(PYTHON) -m tests.tools.coverage

.PHONY: mutants mutants-all
mutants: setup ## mutation testing of the changed lines that evaluate and count; SINCE=commit, by default where the change left main
	$(PYTHON) -m tests.tools.mutate --changed $(if $(SINCE),--since $(SINCE)) --minutes $(or $(MINUTES),10)

mutants-all: setup ## mutation testing of all code that evaluates and counts; MINUTES=30 for a random selection
	$(PYTHON) -m tests.tools.mutate --minutes $(or $(MINUTES),1440)

.PHONY: lint lint-license lint-github lint-style lint-types lint-ansible lint-docs lint-prose lint-links lint-changelog
lint: lint-license lint-github lint-style lint-types lint-ansible lint-docs lint-prose lint-links lint-changelog ## style, types, documentation, prose, license notices

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
docs: setup lint-links $(SITE)/.ready ## the documentation site into build/docs/; warnings and links that lead nowhere are errors
	$(PYTHON) -m tests.tools.site $(SITE) build/docs
	$(PYTHON) -m tests.tools.links build/docs

$(SITE)/.ready: tests/requirements-docs.txt | $(TOOLS_READY)
	"$$(sh tests/tools/find_python.sh 3.14 3.13 3.12)" -m venv --clear $(SITE)
	$(SITE)/bin/python -m pip install --quiet -r tests/requirements-docs.txt
	touch $@

.PHONY: audit
audit: setup $(AUDIT)/.ready ## known vulnerabilities of what is pinned and installed; needs to reach the advisories of PyPI
	$(PYTHON) -m tests.tools.audit $(AUDIT)/bin/pip-audit

$(AUDIT)/.ready: tests/requirements-audit.txt | $(TOOLS_READY)
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet -r tests/requirements-audit.txt
	touch $@

.PHONY: sanity
sanity: setup ## ansible-test sanity, all tests, on a copy outside of the repository; CORE="2.18 2.19" for others than the installed one
	$(PYTHON) -m tests.tools.sanity $(if $(CORE),--core "$(CORE)")

.PHONY: test-matrix
test-matrix: setup ## the tests on each ansible-core from 2.16 to 2.21; CORE=2.16 for one of them
	$(PYTHON) -m tests.tools.matrix $(if $(CORE),--core "$(CORE)")

.PHONY: bench bench-smoke
bench: setup ## speed and memory beside uri and a bare client; build/bench/results.json, docs/development/benchmarks.md
	$(PYTHON) -m tests.benchmarks --page docs/development/benchmarks.md $(BENCH)

bench-smoke: setup ## the same so small that it only shows that it runs
	$(PYTHON) -m tests.benchmarks --small --results build/bench/smoke.json

.PHONY: awx-check
awx-check: setup ## the plays of the AWX templates under ansible-runner, in one piece and in slices
	$(PYTHON) -m tests.awx.check

.PHONY: build
build: $(TARBALL) ## the collection's tarball into build/
	@echo $(TARBALL)

# Without setup, which would look for a tarball of the new version.
.PHONY: release
release: $(TOOLS_READY) ## VERSION=1.1.0 into galaxy.yml, the fragments into the changelog; again, what has come since
	$(PYTHON) -m tests.tools.release "$(VERSION)"

.PHONY: release-check
release-check: setup lint-license $(RELEASE)/.ready ## whether the tarball may be published: versions, contents, Galaxy's importer, the demo with it alone
	$(PYTHON) -m tests.tools.release_check $(TARBALL) $(RELEASE)

$(RELEASE)/.ready: tests/requirements-release.txt | $(TOOLS_READY)
	$(PYTHON) -m venv --clear $(RELEASE)
	$(RELEASE)/bin/python -m pip install --quiet -r tests/requirements-release.txt
	touch $@

.PHONY: clean
clean: ## remove everything that make has made, .venv/ included
	rm -rf .venv .venv-matrix build .ansible .hypothesis tests/output
	find plugins tests -type d -name __pycache__ -prune -exec rm -rf {} +

# An environment that works is kept and brought up to the pins; several makes may run at once.
$(TOOLS_READY): tests/requirements.txt tests/requirements-test.txt
	$(PYTHON) -m pip --version >/dev/null 2>&1 || \
	  { rm -rf .venv; python=$$(sh tests/tools/find_python.sh); echo "Making .venv with $$python"; "$$python" -m venv .venv; }
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
