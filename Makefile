# Three commands: check (format, lint, types), test (check, and all tests), docs (the executed docs).
# sweep: the tests that can try more than they do in test try all of it.
# coverage is test with branches counted, in several times its time.
PYTHON ?= python3
VENV   ?= .venv
EXAMPLES ?= 200
BIN    := $(VENV)/bin

.PHONY: demo check test tests sweep coverage docs site dist clean

demo: $(VENV)/.installed  ## plan, sync and run the flower shop on the embedded server
	@sh docs/demo.sh $(BIN)/assistctl

# Where nothing may be written beside the sources, each process compiles all of them again.
test sweep: export PYTHONDONTWRITEBYTECODE :=

# Both at the same time: what checks types has one core only, for as long as it takes.
test: $(VENV)/.installed-dev  ## install what is needed, check, and pass the tests
	@$(MAKE) --no-print-directory --jobs 2 check tests

tests: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist worksteal

sweep: $(VENV)/.installed-dev  ## every kill, every fault, many random workspaces, the long soak
	ALL_FAULTS=1 EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n auto --dist worksteal -m sweep

coverage: $(VENV)/.installed-dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests/test_docs.py tests/test_pages.py tests/test_*_docs.py \
		tests/test_reference.py tests/test_recording.py

site: $(VENV)/.installed-site  ## docs/ as pages, in build/site
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -d build/site-read docs build/site

dist: $(VENV)/.installed-release  ## sdist and wheel, checked and tried in every Python that is there
	PYTHON=$(BIN)/python bash .ci/dist.sh

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-site: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[site]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-release: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[release]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist .assistctl bills.db .coverage* .mypy_cache .ruff_cache .pytest_cache
