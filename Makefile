# `make run` sets everything up and serves; `make test` sets everything up and passes.
# Both work on a new Debian machine with Python 3.11 and Node 20.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The system's Python is preferred: it is compiled with optimizations that version managers leave out,
# which are worth a sixth of what a call costs (docs/decisions/0006).
PYTHON ?= $(shell for python in /usr/bin/python3 python3; do \
  $$python -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
  { echo $$python; exit; }; done; echo python3)
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

# The wide grid of clients weighs 2 GB, so it lives outside the project.
CLIENTS ?= $(HOME)/.cache/stockyard-clients
GRID    := tests/clients/grid

.PHONY: help run test test-slow lint bench docs prices traffic clients clean setup

help:
	@echo "make run        set up and serve on http://127.0.0.1:4200   (ARGS=\"--port 4201\")"
	@echo "make test       set up, check and test"
	@echo "make test-slow  crash, soak and fuzz runs"
	@echo "make lint       ruff, mypy --strict, import contracts"
	@echo "make bench      figures as multiples of a bare proxy, on this machine"
	@echo "make docs       write the generated references"
	@echo "make traffic    replay recorded provider traffic and keep the report"
	@echo "make clients    install many real clients, play them all and keep the grid"
	@echo "make prices     rebuild the price list from the newest public collections"

run: $(VENV)/runs
	@exec $(BIN)/stockyard serve $(ARGS)

test: setup lint
	$(BIN)/python -X dev -m pytest -q $(ARGS)

test-slow: setup
	$(BIN)/python -X dev -m pytest -q -m slow $(ARGS)

lint: $(VENV)/tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/tests
	$(BIN)/python -m bench --quick $(ARGS)

docs: $(VENV)/tests
	$(BIN)/python -m stockyard docs --out docs/modules.md

# The collections are not installed beside the program: one of them is larger than it.
prices: $(VENV)/bin/python
	$(PYTHON) -m venv $(VENV)/prices
	$(VENV)/prices/bin/pip install --quiet --disable-pip-version-check --upgrade msgspec genai-prices litellm
	$(VENV)/prices/bin/python -m scripts.prices $(ARGS)

traffic: $(VENV)/tests
	$(BIN)/python -m tests.traffic --out docs/traffic.md

clients: $(VENV)/tests $(CLIENTS)/.python $(CLIENTS)/.node $(CLIENTS)/.go $(CLIENTS)/.java
	STOCKYARD_CLIENTS=$(CLIENTS) $(BIN)/python -m tests.clients.grid --out docs/clients.md $(ARGS)

$(CLIENTS)/.python: $(wildcard $(GRID)/requirements/*.txt)
	@mkdir -p $(CLIENTS)
	@for place in python litellm pydantic; do \
	  $(PYTHON) -m venv $(CLIENTS)/$$place && \
	  $(CLIENTS)/$$place/bin/pip install --quiet --disable-pip-version-check \
	    -r $(GRID)/requirements/$$place.txt; done
	@touch $@

$(CLIENTS)/.node: $(GRID)/package.json $(GRID)/package-lock.json
	@mkdir -p $(CLIENTS)/node
	@cp $^ $(CLIENTS)/node && cd $(CLIENTS)/node && npm ci --silent --no-audit --no-fund
	@touch $@

# Go's libraries are large: the first build takes minutes.
$(CLIENTS)/.go: $(wildcard $(GRID)/drivers/go/*)
	@mkdir -p $(CLIENTS)/go
	@if command -v go >/dev/null; then \
	  cd $(GRID)/drivers/go && go build -o $(CLIENTS)/go/clients . && touch $@; \
	else echo "Go is missing, so its clients are not played: https://go.dev/doc/install"; fi

# Maven fetches Java's libraries, and javac makes the clients beside them.
$(CLIENTS)/.java: $(wildcard $(GRID)/drivers/java/*)
	@rm -rf $(CLIENTS)/java && mkdir -p $(CLIENTS)/java
	@if command -v mvn >/dev/null && command -v javac >/dev/null; then \
	  cd $(GRID)/drivers/java && \
	  timeout 600 mvn --quiet --batch-mode -Dstyle.color=never dependency:copy-dependencies \
	    -DoutputDirectory=$(CLIENTS)/java/lib && \
	  javac -d $(CLIENTS)/java/classes -cp "$(CLIENTS)/java/lib/*" *.java && touch $@; \
	else echo "Java or Maven is missing, so its clients are not played:" \
	  "apt-get install default-jdk-headless maven"; fi

setup: $(VENV)/tests tests/clients/node_modules/.installed

# The virtual environment. Debian keeps `venv` in a package of its own.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -q && apt-get install -qy python3-venv; \
	  else echo "Python's venv is missing: sudo apt-get install python3-venv"; exit 1; fi; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip

$(VENV)/runs: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	$(BIN)/python -m compileall -q stockyard  # so that the first start is as quick as any other
	@touch $@

$(VENV)/tests: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/runs

# The official SDKs of Node, as clients. Without npm their tests skip, except in CI.
tests/clients/node_modules/.installed: tests/clients/package.json tests/clients/package-lock.json
	@if command -v npm >/dev/null; then \
	  cd tests/clients && npm ci --silent --no-audit --no-fund && touch node_modules/.installed; \
	else echo "npm is missing, so the Node clients are not tested: apt-get install nodejs npm"; \
	  if [ "$${CI:-}" = true ]; then exit 1; fi; fi

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf tests/clients/node_modules dist build
