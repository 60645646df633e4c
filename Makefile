# Each target is one command on a machine that has Python 3.11 or later and make; `make` lists them.

SHELL := /bin/sh
PYTHON ?= python3
# The oldest uv that reads our lock file with a cool-down given as a span of time.
UV_REQUIREMENT := uv>=0.11
# What is on the PATH, else our own copy, which the rule below fetches.
UV := $(or $(UV),$(shell command -v uv 2>/dev/null),.uv/bin/uv)
RUN := .venv/bin
RESOLUTION ?= highest
# Per cent of lines and branches that all tests together must run. Fewer where programs are missing that CI installs.
COVERAGE ?= $(if $(CI),91,70)

.DEFAULT_GOAL := help
.PHONY: help install demo test check format bench fuzz pictures docs packages sbom audit-packages test-wheel clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 16

install: .venv/.complete ## create or update .venv from uv.lock

demo: install ## serve test images, de-identified; stop with Ctrl-C
	@$(RUN)/dicomveil demo

test: install ## run all tests; those that need Orthanc are skipped where it is not installed
	@$(RUN)/pytest -rs -n 2 --dist loadfile $(if $(TESTS),,--cov --cov-report= --cov-fail-under=$(COVERAGE)) $(TESTS)

check: install ## lint, format, types, lock file
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(UV) lock --check

format: install ## format the code and apply the linter's fixes
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

# All are measured with the allocator settings of the container and of `dicomveil serve`.
bench: install ## compare the engine with other de-identifiers, and the proxy with nginx and Orthanc
	$(UV) sync --frozen --inexact --group bench
	MALLOC_MMAP_THRESHOLD_=268435456 MALLOC_TRIM_THRESHOLD_=268435456 $(RUN)/pytest -m bench tests/bench

# Chosen by coverage where atheris installs (Linux on x86-64, CPython 3.11 to 3.13), by damaging inputs elsewhere.
fuzz: install ## search for inputs that crash, leak or take too long for FUZZ_SECONDS (540), then run the state machines
	@$(UV) sync --quiet --frozen --inexact --group fuzz || echo "atheris cannot be installed here: inputs are not chosen by coverage"
	cd tests && PYTHONPATH=. ../$(RUN)/python -m fuzzing
	HYPOTHESIS_PROFILE=deep nice -n 10 $(RUN)/pytest -q tests -k machine

pictures: install ## update the pictures of the viewer in the documents (docs/viewer.md says what this needs)
	CI=true PICTURES=docs/pictures $(RUN)/pytest tests/browser

docs: install ## build the API reference from the docstrings into dist/docs
	$(RUN)/pdoc --docformat markdown --output-directory dist/docs dicomveil_engine dicomveil_proxy

sbom: install ## write the bill of materials (CycloneDX) and the licences of all packages into dist/
	$(RUN)/python scripts/sbom.py

# pip-audit comes from the registry and asks its database of vulnerabilities; without one it is skipped, with a message.
audit-packages: install $(UV) ## look for known vulnerabilities in the locked packages
	@$(UV) export --quiet --frozen --no-emit-workspace --all-extras --output-file dist/requirements.txt >/dev/null
	@if $(UV) tool run --quiet pip-audit --version >/dev/null 2>&1; \
	then $(UV) tool run --quiet pip-audit --require-hashes --disable-pip -r dist/requirements.txt; \
	else echo "skipped: no registry answers, so pip-audit is not available"; fi

packages: $(UV) ## build wheels and source distributions of both packages into dist/
	rm -rf dist/*.whl dist/*.tar.gz
	$(UV) build --all-packages --out-dir dist

# In an environment with the wheel, its dependencies and those of the tests, and nothing else of this project.
test-wheel: $(UV) ## run the engine's tests against the wheel in dist/ (RESOLUTION=lowest-direct for the oldest versions)
	rm -rf .wheel
	$(UV) venv --quiet --python $(PYTHON) .wheel
	$(UV) pip install --quiet --python .wheel/bin/python --resolution $(RESOLUTION) -r engine/pyproject.toml
	$(UV) pip install --quiet --python .wheel/bin/python --no-deps dist/dicomveil_engine-*.whl
	$(UV) pip install --quiet --python .wheel/bin/python pytest pytest-xdist hypothesis httpx anyio lxml
	.wheel/bin/pytest -n 2 --dist loadfile tests/engine

clean: ## remove the files that these targets created
	rm -rf .venv .uv .ohif .wheel .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

# --inexact keeps the packages that `make bench` has added.
.venv/.complete: uv.lock pyproject.toml engine/pyproject.toml proxy/pyproject.toml | $(UV)
	$(UV) sync --frozen --inexact
	@touch $@

# Debian has separate packages for venv and pip, and lets pip write only into a folder that is named explicitly.
.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "dicomveil needs Python 3.11 or later (make PYTHON=...)"; exit 1; }
	@rm -rf .uv
	@if $(PYTHON) -m venv .uv >/dev/null 2>&1; then .uv/bin/python -m pip install --quiet '$(UV_REQUIREMENT)'; \
	else rm -rf .uv; $(PYTHON) scripts/fetch_uv.py .uv '$(UV_REQUIREMENT)'; fi
