# Every target sets up what it needs by itself: a machine with python3 (3.11 or later) and make is enough.

PYTHON ?= python3
BIN := .venv/bin

# Python keeps the bytecode of the tests, and of what they start: without it each process compiles again.
unexport PYTHONDONTWRITEBYTECODE
READY := .venv/.ready

# A second, newer Python for `make test-all`, where there is one.
NEWER := $(shell for python in python3.14 python3.13 python3.12 \
  $$(ls -rd $(HOME)/.pyenv/versions/3.1[2-9]*/bin/python3 \
    $(HOME)/.local/share/uv/python/*-3.1[2-9]*/bin/python3 2>/dev/null); do \
  $$python -c 'import venv' >/dev/null 2>&1 && echo $$python && break; done)

.PHONY: help run acceptance check lock test test-all test-fast test-portable soak peers test-lowest test-system test-vendors \
  test-agents test-frameworks audit cover bench bench-peers docs release clean

help:  ## Show what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# $(call set-up,python,folder,what to install)
define set-up
@$(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
  echo "Python 3.11 or later is needed; $(1) is $$($(1) --version). Try: make PYTHON=python3.13 $(MAKECMDGOALS)"; \
  exit 1; }
@echo "Setting up $(2) with $$($(1) --version), once, which takes a while:"
@echo "  pip installs $(subst ',,$(3)) and what they need ..."
@$(1) -m venv $(2)
@$(2)/bin/python -m pip install --quiet --disable-pip-version-check --editable $(3)
@touch $(2)/.ready
endef

# The versions are those of constraints.txt, so that everyone has the same; `make LOCKED= test` takes the
# newest ones.
LOCKED ?= --constraint constraints.txt

$(READY): pyproject.toml constraints.txt
	$(call set-up,$(PYTHON),.venv,'.[dev]' $(LOCKED))

.venv-newer/.ready: pyproject.toml constraints.txt
	$(call set-up,$(NEWER),.venv-newer,'.[dev]' $(LOCKED))

# What tests use beside the environment, so that no test asks a package index: the previous major version
# of AWS's runtime client, and the wheels of the example that is packaged.
PREPARE := --quiet --disable-pip-version-check --only-binary :all:

%/.prepared: %/.ready examples/fastapi_app/requirements.txt
	@echo "Preparing packages for the tests in $*, once ..."
	@rm -rf $*/awslambdaric-3 $*/wheels
	@$*/bin/python -m pip install $(PREPARE) --no-deps --target $*/awslambdaric-3 'awslambdaric==3.*'
	@grep -v asgi-lambda-stream examples/fastapi_app/requirements.txt > $*/wheels.txt
	@$*/bin/python -m pip download $(PREPARE) --dest $*/wheels -r $*/wheels.txt
	@touch $@

lock:  ## Write the newest versions of what the tests need into constraints.txt
	@$(PYTHON) -m venv --clear .venv-lock
	@.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@sed -n '/^#/p' constraints.txt > .venv-lock/constraints.txt
	@.venv-lock/bin/python -m pip freeze --disable-pip-version-check --exclude-editable \
	  >> .venv-lock/constraints.txt
	@cp .venv-lock/constraints.txt constraints.txt

.venv-run/.ready: pyproject.toml
	$(call set-up,$(PYTHON),.venv-run,'.[dev-server]' 'fastapi>=0.135')

run: .venv-run/.ready  ## Serve the FastAPI example from a local Lambda at http://127.0.0.1:8000; with PORT=8001 at another port
	@.venv-run/bin/python examples/fastapi_app/seed.py
	@echo "Starting adapter dev (Ctrl-C stops it; another port: make run PORT=8001) ..."
	@.venv-run/bin/adapter dev examples/fastapi_app/main.py:app $(if $(PORT),--port $(PORT))

check: $(READY)  ## Types and lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# $(call test,folder of the environment,options). The Django example runs beside the other tests, in a process
# of its own: there is one set of Django's settings in a process, and one file that the example is built into.
define test
$(MAKE) --no-print-directory -j 2 $(1).tests $(1).django-tests OPTIONS="$(2)"
endef

%.tests:
	$*/bin/python -m pytest -n auto --dist worksteal $(OPTIONS) --ignore tests/examples/test_django_app.py

%.django-tests:
	$*/bin/python -m pytest -q $(OPTIONS) tests/examples/test_django_app.py

test: export HYPOTHESIS_PROFILE ?= test
test: export PYTHON_STARTS ?= forked
test: .venv/.prepared  ## The tests, with the native runtime and AWS's present one: minutes
	$(call test,.venv,-m 'not variant')

test-all: .venv/.prepared $(if $(NEWER),.venv-newer/.prepared)  ## The tests with every runtime, and on a newer Python if there is one
	$(call test,.venv)
	$(if $(NEWER),$(call test,.venv-newer,-m 'not variant'))

test-fast: $(READY)  ## The tests that start no process, with fewer random examples: 20 seconds
	HYPOTHESIS_PROFILE=fast $(BIN)/python -m pytest -q -n auto -m 'not process'

PORTABLE := $(addprefix tests/,asgi diagnosis doctor events invocation observe samples streams testing) $(wildcard tests/test_*.py)

test-portable: $(READY)  ## The tests that need no Linux
	$(BIN)/python -m pytest -n auto $(PORTABLE)

# AWS's tools pin much, so they are kept apart.
.venv-system/.ready: tests/system/requirements.txt
	@echo "Setting up .venv-system, once ..."
	@$(PYTHON) -m venv .venv-system
	@.venv-system/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@.venv-system/bin/python -m pip install $(PREPARE) --target .venv-system/psycopg 'psycopg[binary]>=3.2'
	@touch $@

# CDK's library for Python is as large as all of SAM, and npm's tools bring their own Node.
.venv-cdk/.ready: examples/infrastructure/cdk/requirements.txt
	@echo "Setting up .venv-cdk, once ..."
	@$(PYTHON) -m venv .venv-cdk
	@.venv-cdk/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.node-tools/.ready: tests/system/node/package.json
	@command -v npm >/dev/null || { $(call apt-get,npm); }
	@echo "Setting up .node-tools, once ..."
	@mkdir -p .node-tools && cp $< .node-tools/
	@npm install --silent --no-audit --no-fund --prefix .node-tools
	@touch $@

# $(call apt-get,package of Debian)
define apt-get
echo "Installing $(1), once ..."; sudo=$$(command -v sudo); \
  $$sudo apt-get -qq update && $$sudo apt-get -qq install -y $(1) >/dev/null
endef

.venv-system/.packages: tests/system/packages.txt $(READY)
	@echo "Downloading the packages of the tests of packed imports, once ..."
	@rm -rf .venv-system/wheels
	@$(BIN)/python -m pip download $(PREPARE) --dest .venv-system/wheels -r $<
	@touch $@

# Other clients of the Runtime API: Node's, without its native part, and Lambda Web Adapter, which takes
# minutes to build.
.venv-system/node_modules/.ready: .venv-system/.ready
	@command -v npm >/dev/null || { $(call apt-get,npm); }
	@cd .venv-system && npm install --silent --no-audit --no-fund --ignore-scripts aws-lambda-ric@4.0.2
	@touch $@

.venv-system/cargo/bin/lambda-adapter: .venv-system/.ready
	@command -v cargo >/dev/null || { $(call apt-get,cargo); }
	@echo "Building Lambda Web Adapter, once, which takes some minutes ..."
	@CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	  cargo install --quiet --locked --root .venv-system/cargo lambda_web_adapter@0.9.1
	@touch $@

test-system: $(READY) .venv-system/.ready .venv-system/.packages .venv-system/node_modules/.ready \
  .venv-system/cargo/bin/lambda-adapter .venv-cdk/.ready .node-tools/.ready  ## The examples, with the tools that deploy them, and in a browser
	@command -v chromium >/dev/null || { $(call apt-get,chromium); }
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { $(call apt-get,postgresql); }
	@test -x /usr/sbin/nginx || { echo "Installing nginx, once, without starting it ..."; \
	  sudo=$$(command -v sudo); $$sudo apt-get -qq update && \
	  $$sudo env RUNLEVEL=1 apt-get -qq install -y nginx-light >/dev/null; }
	@command -v valgrind >/dev/null || { echo "Installing valgrind, once ..."; \
	  sudo=$$(command -v sudo); $$sudo apt-get -qq update && $$sudo apt-get -qq install -y valgrind >/dev/null; }
	$(BIN)/python -m benchmarks.gate  # how many instructions a call, a chunk and the import take
	$(BIN)/python -m pytest tests/system
	$(BIN)/python -m pytest tests/browser  # apart: playwright keeps an event loop running in its process

# Vendors' packages, those of agents and frameworks pin much and are heavy, so each group has an environment of its own.
.venv-%/.ready: tests/%/requirements.txt
	@echo "Setting up .venv-$*, once ..."
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -m pip install $(PREPARE) -r $< --editable '.[dev-server]'
	@.venv-$*/bin/python -m pip install $(PREPARE) --no-deps --target .venv-$*/awslambdaric-3 'awslambdaric==3.*'
	@touch $@

test-vendors: .venv-vendors/.ready  ## Sentry, Datadog, OpenTelemetry and others around a handler, under each runtime
	.venv-vendors/bin/python -m pytest tests/vendors

test-agents: .venv-agents/.ready  ## MCP and the OpenAI client, with the examples that serve them
	.venv-agents/bin/python -m pytest tests/agents

test-frameworks: .venv-frameworks/.ready  ## Litestar, Quart, Falcon and others, under each runtime
	.venv-frameworks/bin/python -m pytest tests/frameworks

audit: $(READY) .venv-system/.ready  ## Known holes in what is installed; a package that cannot be looked up is one
	@$(BIN)/python -m pip freeze --disable-pip-version-check --exclude-editable > .venv-system/audited.txt
	.venv-system/bin/pip-audit --strict --disable-pip --no-deps -r .venv-system/audited.txt

soak: $(READY)  ## 20,000 invocations at concurrency 16 with faults on both sides
	$(BIN)/python -m tests.faults.soak

acceptance: $(READY)  ## Both examples on your own AWS account in every mode, beside the local Lambda; a few cents
	$(BIN)/python -m tests.acceptance acceptance.md

peers: $(READY)  ## Starlette's and FastAPI's own tests, with every request sent through Lambda
	$(BIN)/python -m tests.peers

.venv-lowest/.ready: pyproject.toml
	@echo "Setting up .venv-lowest, once ..."
	@$(PYTHON) -m venv .venv-lowest
	@.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python \
	  --resolution lowest-direct --editable '.[dev]'
	@touch $@

test-lowest: .venv-lowest/.ready  ## The tests, with the oldest versions that pyproject.toml allows
	.venv-lowest/bin/python -m pytest -n auto $(PORTABLE) tests/emulator

cover: export HYPOTHESIS_PROFILE ?= test
cover: $(READY)  ## Every branch of each module of the core, covered by its own test file alone
	$(BIN)/python -m tests.per_module

bench: $(READY)  ## What the runtime costs, as a multiple of the least an asyncio program could do
	$(BIN)/python -m benchmarks.streaming

.venv-docs/.ready: docs-requirements.txt
	@echo "Setting up .venv-docs, once ..."
	@$(PYTHON) -m venv .venv-docs
	@.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

docs: .venv-docs/.ready  ## The documentation site, in site/; a link that is broken fails the build
	.venv-docs/bin/zensical build --clean --strict

.venv-release/.ready:
	@echo "Setting up .venv-release, once ..."
	@$(PYTHON) -m venv .venv-release
	@.venv-release/bin/python -m pip install --quiet --disable-pip-version-check 'twine>=6.1'
	@touch $@

# What the workflow Publish runs on the tag. The notes are the text of the release on GitHub.
release: $(READY) .venv-release/.ready  ## Date the changelog, build sdist and wheel in dist/, and check and try both
	@rm -rf dist && mkdir dist
	$(BIN)/python -m tests.changelog > dist/notes.md
	$(BIN)/uv build --quiet
	.venv-release/bin/twine check --strict dist/*.whl dist/*.tar.gz
	$(BIN)/python -m tests.installed dist
	rm -rf dist/unpacked && mkdir dist/unpacked && tar -xzf dist/*.tar.gz -C dist/unpacked --strip-components 1
	cd dist/unpacked && HYPOTHESIS_PROFILE=fast "$(CURDIR)/$(BIN)/python" -m pytest -q -n auto -m 'not process'
	rm -rf dist/unpacked
	@echo "dist/ is ready. The notes of the release: dist/notes.md"

# The implementations of bench-peers in their newest releases. Node's comes from npm, because its runtime client
# needs a newer one than Debian has; building Lambda Web Adapter takes some minutes.
define set-up-peers
@echo "Setting up $(2), once ..."
@$(1) -m venv $(2)
@$(2)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers/requirements.txt
@touch $(2)/.ready
endef

.venv-peers/.ready: benchmarks/peers/requirements.txt
	$(call set-up-peers,$(PYTHON),.venv-peers)

.venv-peers-newer/.ready: benchmarks/peers/requirements.txt
	$(call set-up-peers,$(NEWER),.venv-peers-newer)

.peers/.ready:
	@command -v npm >/dev/null && command -v cargo >/dev/null || { \
	  echo "npm and cargo install the implementations that are not on PyPI. Debian: apt-get install npm rustup"; exit 1; }
	@echo "Installing Node, its runtime client and Lambda Web Adapter in .peers, once ..."
	@mkdir -p .peers
	@npm install --silent --no-audit --no-fund --prefix .peers node@latest aws-lambda-ric@latest
	@cargo install --quiet --locked --root .peers/cargo lambda_web_adapter@$(WEB_ADAPTER)
	@touch $@

WEB_ADAPTER ?= 1.0.0-rc1  # the newest release of the crate; cargo takes a release candidate by name only

bench-peers: .peers/.ready .venv-peers/.ready $(if $(NEWER),.venv-peers-newer/.ready)  ## The adapter beside its peers
	.venv-peers/bin/python -m benchmarks.peers --write
	$(if $(NEWER),.venv-peers-newer/bin/python -m benchmarks.peers --write)

clean:  ## Remove what the other targets made
	rm -rf .venv* .node-tools .peers site dist .cache .mypy_cache .ruff_cache .hypothesis .coverage
