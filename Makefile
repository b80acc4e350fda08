# The short list of verbs. `make run` and `make test` need Python 3.11+ and nothing else.
PYTHON ?= python3
PORT ?= 8080
OPS_PORT ?= 8081
# Empty: 8082, or a free one where that is taken.
CONSOLE_PORT ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLING = @echo 'Installing what is needed into $(VENV): this can take minutes.'
# As pip does for all that it installs but this: where PYTHONDONTWRITEBYTECODE is set, each process
# compiled all of it at its start, for a third of a second.
COMPILE = @$(BIN)/python -m compileall -q src

# LocalStack needs Python 3.13: by its name, the one that is there, or from pyenv.
PYTHON_LOCALSTACK ?= $(shell for each in python3.13 python3 $$(pyenv root 2>&-)/versions/3.13*/bin/python; do \
  $$each -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>&- && echo $$each && break; done)
LOCALSTACK := .localstack

.PHONY: run test test-aws test-browser screenshots check format bench clean

run: $(VENV)/.installed examples/.env
	@$(BIN)/holdfast run examples/users.py --sample --port $(PORT) --ops-port $(OPS_PORT) \
	  $(if $(CONSOLE_PORT),--console-port $(CONSOLE_PORT))

# A file of tests at a time for each processor, four at the most: much of it waits for processes. The
# order is conftest.py's; pytest-xdist's own begins with those of most tests, which are the short ones.
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Deploys the template into emulators of AWS: needs Node.js, and Python 3.13 for LocalStack.
test-aws: $(VENV)/.installed-dev-aws $(LOCALSTACK)/.installed
	HOLDFAST_LOCALSTACK=$(CURDIR)/$(LOCALSTACK)/bin/python $(BIN)/python -m pytest tests/aws

# The console's pages in the system's Chromium (Debian: apt-get install chromium).
test-browser: $(VENV)/.installed-dev-browser
	$(BIN)/python -m pytest tests/browser

# The pictures in docs/screenshots, taken anew.
screenshots: $(VENV)/.installed-dev-browser
	PYTHONPATH=tests:tests/browser $(BIN)/python -m screenshots

check: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy tests/browser/*.py

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.installed-dev
	$(BIN)/python -m bench.ingest

clean:
	rm -rf $(VENV) $(LOCALSTACK) .holdfast examples/.env

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Holdfast needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml
	$(INSTALLING)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	$(COMPILE)
	@touch $@

$(VENV)/.installed-dev: $(BIN)/python pyproject.toml
	$(INSTALLING)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(COMPILE)
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev-aws: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev-aws]'
	@touch $@

$(VENV)/.installed-dev-browser: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev-browser]'
	@touch $@

# Of its own, because LocalStack wants other versions of nearly everything. cbor2 6 has no such module any more.
$(LOCALSTACK)/.installed:
	@test -n "$(PYTHON_LOCALSTACK)" || { echo 'LocalStack needs Python 3.13: make test-aws PYTHON_LOCALSTACK=...'; exit 1; }
	$(PYTHON_LOCALSTACK) -m venv $(LOCALSTACK)
	$(LOCALSTACK)/bin/python -m pip install --quiet --disable-pip-version-check \
	  'localstack-core[runtime]==4.14.0' 'cbor2<6' 'pyopenssl<24.3'
	@touch $@

# A secret of its own for the example, made once, never committed.
examples/.env:
	@umask 077; $(PYTHON) -c 'import secrets; print("USERS_SECRET=" + secrets.token_urlsafe(32))' > $@
