# Every target sets up what it needs by itself: a machine with python3 (3.11 or later) and make is enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help run check test test-one clean

help:  ## Show what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

run: $(READY)  ## Serve the FastAPI example from a local Lambda at http://127.0.0.1:8000
	@$(BIN)/adapter dev examples/fastapi_app/main.py:app

check: $(READY)  ## Types and lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: test-one  ## The tests, on this Python and on a newer one where it is installed

test-one: $(READY)
	$(BIN)/python -m pytest

clean:  ## Remove what the other targets made
	rm -rf .venv* .mypy_cache .ruff_cache .hypothesis .coverage
