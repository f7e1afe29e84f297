# One target per wish; `make` alone lists them. Stamps in .make/ keep the second time quick.

PYTHON ?= python3
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv/bin
PIP := $(VENV)/python -m pip --disable-pip-version-check
TORCH_INDEX := $(if $(LUTHIER_TORCH_INDEX),--index-url $(LUTHIER_TORCH_INDEX))
BENCH_ROWS ?= 1000000
BENCH_SIZES ?= 10000 100000 1000000
PEERS := rensa==0.5.0 datasketch==2.0.0 datatrove==0.10.1 daft==0.7.26 duckdb==2.0.0 polars==2.1.0 numba==0.68.1 \
	orjson==3.13.0 pyarrow==25.0.1 regex spacy==3.8.18 tokenizers==0.23.3 'xxhash<4'
LOCKED := pyproject.toml constraints.txt

.PHONY: help demo test test-slow check bench serve base-model generated clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .make/local ## From raw e-mails to a rolled-back canary, offline, on two cores
	$(VENV)/python examples/crm-updates/demo.py

test: .make/all ## Every test that is neither slow nor for a GPU
	OMP_NUM_THREADS=1 $(VENV)/pytest -q -n 2 -m "not slow and not gpu"

test-slow: .make/all ## The tests that take minutes each
	$(VENV)/pytest -q -m "slow and not gpu"

check: .make/all ## Format, lint, types, import map, generated pages
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/python -m luthier.cli.reference --check
	$(VENV)/pytest -q tests/contract

generated: .make/all ## Write the reference pages anew from the code
	$(VENV)/python -m luthier.cli.reference

bench: .make/all .venv-peers/pyvenv.cfg ## Duplicates and the whole build on a million records, beside peers; half an hour
	$(VENV)/python benchmarks/exact_duplicates.py --rows $(BENCH_ROWS)
	$(VENV)/python benchmarks/near_duplicates.py --rows $(BENCH_ROWS)
	$(VENV)/python benchmarks/build.py --rows $(BENCH_SIZES)

serve: .make/local ## The server, the gateway and the engine of the project in this folder
	$(VENV)/luthier serve

base-model: .make/all ## Build the bundled base model from ../shared/data
	$(VENV)/python models/base/build.py --data ../shared/data --out src/luthier/variants/engines/bundled

clean: ## Remove caches and stamps; the environment and your projects stay
	rm -rf .make .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: $(PYTHON) is older than 3.11"; echo "try: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .venv

# Peers of the benchmarks live apart: datatrove wants an older xxhash.
.venv-peers/pyvenv.cfg: .venv/pyvenv.cfg
	$(VENV)/python -m venv .venv-peers.part
	.venv-peers.part/bin/python -m pip --disable-pip-version-check install --quiet $(PEERS)
	rm -rf .venv-peers && mv .venv-peers.part .venv-peers

# torch first and by itself: where a CPU wheel is at hand, the rest then resolves without CUDA packages.
.make/local: $(LOCKED) .venv/pyvenv.cfg
	$(PIP) install --quiet $(TORCH_INDEX) torch==2.13.0
	$(PIP) install --quiet -c constraints.txt -e '.[local]'
	@mkdir -p .make && touch $@

.make/all: $(LOCKED) .make/local
	$(PIP) install --quiet -c constraints.txt -e '.[local,cluster,postgres,dev]'
	@mkdir -p .make && touch $@
