# Needs make and Python 3.11 or newer; everything else goes into .venv, all state into .fupan. Paths are relative or quoted:
# the folder's name may hold spaces.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup nightly nightly-real real-figures figures faults faults-quality up down look test bench demo-bench lock clean

# Byte-code makes every start three to five times faster.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

PY := .venv/bin/python
FUPAN := $(PY) -m fupan
REAL := FUPAN_HOME="$(CURDIR)/.fupan/real" FUPAN_SOURCES=dags/sources/real FUPAN_TIME_ZONE=Europe/London

# An environment holds the path of its folder: one that was copied or moved here is made anew.
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
MADE := .venv/made-in-$(HERE)
SYNCED := .venv/synced

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: $(SYNCED) ## The environment, from requirements.lock (done by every target that needs it)

nightly: setup ## One night: sources to published marts, then the night report (DATE=2026-01-31, FORCE=1)
	@$(FUPAN) nightly $(if $(DATE),--date $(DATE)) $(if $(FORCE),--force)

nightly-real: setup ## The same on real data: orders, reviews, complaints
	@$(REAL) $(PY) -m tests.real.nightly $(if $(FORCE),--force)

real-figures: setup ## Compare the marts of nightly-real with figures computed from the raw file alone
	@$(REAL) $(PY) -m tests.real.figures

figures: setup ## A night of the reference company at scale 1, then every published figure against it (SEED=33 for another company)
	@$(PY) -m tests.figures $(if $(SEED),--seed $(SEED)) $(if $(SCALE),--scale $(SCALE))

faults-quality: setup ## Corrupt what each expectation guards, one after the other: all must be caught (RULE=id for one)
	@$(PY) -m tests.faults.quality $(RULE)

up: setup ## Start everything and leave it running; prints addresses and logins
	@$(FUPAN) up

down: setup ## Stop everything
	@$(FUPAN) down

look: setup ## Night report, Airflow UI and the reference company as pictures, into .fupan/look
	@$(PY) -m fupan.report.look
	@$(PY) -m tests.figures.plots

test: setup ## Lint, types, SQL, and every test (some 15 minutes)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m sqlfluff lint --processes 0 dbt_project/models dbt_project/tests dbt_project/snapshots
	$(PY) -m pytest tests/e2e
	$(PY) -m pytest tests/unit tests/integration tests/faults/quality --numprocesses 2 --dist loadfile

faults: setup ## Kills, crashes and bad input at random points: the harm, and that it is gone; a table, and .fupan/faults.json (ROUNDS=50)
	FUPAN_FAULT_ROUNDS=$(or $(ROUNDS),50) $(PY) -m pytest tests/faults --ignore tests/faults/quality --numprocesses 2 --dist loadfile

bench: setup ## Speed, as ratios to peers and limits of the same run (NAME="full_load peers", FUPAN_BENCH_SCALE=0.05)
	@$(PY) -m tests.bench $(NAME)

demo-bench: setup ## Time and memory of making the reference company at scale 0.02, 1 and 10 (SCALES="0.02 1")
	@$(PY) -m tests.bench.demo_scale $(SCALES)

lock: $(MADE) ## Resolve requirements.lock anew from pyproject.toml, keeping what still fits (UPGRADE=1: newest)
	@$(UV) pip compile --universal --generate-hashes --extra dev --python-version 3.11 --no-header \
		--no-emit-index-url $(if $(UPGRADE),--upgrade) --quiet --output-file requirements.lock pyproject.toml

clean: ## Remove the environment and every cache; the state in .fupan stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache dbt_project/target dbt_project/logs
	find dags plugins tests -name __pycache__ -type d -prune -exec rm -rf {} +

# uv does not read pip's configuration: a mirror that is set there is passed on.
UV = index="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PY) -m pip config get global.index-url 2>/dev/null)}}"; \
	env $${index:+UV_DEFAULT_INDEX="$$index"} $(PY) -m uv

$(MADE):
	@for python in python3 python3.13 python3.12 python3.11; do \
		if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then break; fi; \
		python=; \
	done; \
	if [ -z "$$python" ]; then echo "Fupan needs Python 3.11, 3.12 or 3.13; none is on PATH" >&2; exit 2; fi; \
	rm -rf .venv; \
	"$$python" -m venv .venv || { echo "Install the venv module of $$python (Debian: apt install python3-venv)" >&2; exit 2; }
	@$(PY) -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@touch $@

$(SYNCED): $(MADE) requirements.lock pyproject.toml
	@echo "Setting up .venv ..."
	@$(UV) pip sync --quiet --require-hashes requirements.lock
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
