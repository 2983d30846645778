# `make` lists the targets. `make demo` and `make test` set up everything they need.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.locked
UV_VERSION := 0.13.9

.DEFAULT_GOAL := help
.PHONY: help setup demo test check unit conformance clients live fmt lock bench load docs up clean

help:            ## list the targets
	@grep -hE '^[a-z]+: .*##|^[a-z]+:  *##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */  \1\t/' | expand -t 16

setup: $(STAMP)  ## prepare .venv from the lock file

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "Preparing $(VENV) from requirements.lock"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

lock:            ## resolve requirements.lock again from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.11 --extra local --group dev pyproject.toml -o requirements.lock

demo: setup      ## the main job: release a solution to dev, staging and prod
	@$(BIN)/python scripts/demo.py

test: setup      ## everything CI runs
	@$(MAKE) --no-print-directory check unit conformance

check: setup     ## ruff, mypy, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache

unit: setup      ## pure tests, in seconds
	@$(BIN)/pytest -n 2 tests/unit tests/properties

conformance: setup  ## official clients against the embedded workspace
	@$(BIN)/pytest -n 2 --dist loadfile tests/acceptance tests/conformance tests/clients
	@cd examples/data_quality_agent && ../../$(BIN)/pytest
	@cd examples/retrieval_agent && ../../$(BIN)/pytest

clients: setup   ## every official client in its own environment; writes docs/clients.md
	-@BRICKYARD_ALL_CLIENTS=1 $(BIN)/pytest tests/clients $(if $(ONLY),-k $(ONLY))
	-@BRICKYARD_ALL_CLIENTS=1 $(BIN)/pytest tests/acceptance/test_templates.py -k $(or $(ONLY),streamlit)
	@$(BIN)/python scripts/clients.py --write

live: setup      ## the walkthrough on a real workspace: make live PROFILE=name CATALOG=name
	@$(BIN)/python scripts/live.py --profile "$(PROFILE)" --catalog "$(or $(CATALOG),dev)" $(if $(SOLUTION),--solution "$(SOLUTION)") --out "$(or $(OUT),live.jsonl)"

bench: setup     ## time the paths that have to be quick, against a named alternative
	@$(BIN)/python -m benchmarks $(ONLY)

load: setup      ## mixed traffic with accidents in its middle: MINUTES=10
	@$(BIN)/python -m benchmarks.load $(or $(MINUTES),10)
	@$(BIN)/python -m benchmarks.accidents $(or $(MINUTES),10)

docs: setup      ## write the generated reference pages again
	@$(BIN)/python scripts/coverage.py --write
	@$(BIN)/python scripts/commands.py --write
	@$(BIN)/python scripts/clients.py --write

up: setup        ## start the embedded workspace in the background
	@$(BIN)/brickyard up --detach

fmt: setup       ## format the code
	@$(BIN)/ruff check --fix-only . ; $(BIN)/ruff format .

clean:           ## remove what the targets made
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache
