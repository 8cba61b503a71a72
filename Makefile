# To use it: make run, make test. To change it: make check, make format.
# Needs python3 (3.11 or newer); uv is used if installed.

PORT ?= 8000
HOST ?= 127.0.0.1
export PORT HOST

VENV := .venv
PYTHON := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null)
PRODUCTION := DEBUG=off SERVED_OVER_HTTPS=on SECRET_KEY=for-the-check-alone-0123456789-abcdefghijklmnopqrstuvwxyz-ABC

.PHONY: help run test check format bench

help:
	@echo "make run     serve on http://$(HOST):$(PORT) with a demo account, data in $(or $(DATA_DIR),./var); Ctrl-C stops it"
	@echo "make test    run every test, on SQLite and on PostgreSQL side by side"
	@echo "make check   formatting, lint, import contracts, migrations, Django's deployment checks"
	@echo "make format  format the code"
	@echo "make bench   speed against others in three minutes, beside the last release (needs wrk)"

run: $(VENV)/installed
	@exec $(PYTHON) manage.py quickstart --end-with-parent

test: $(VENV)/installed-for-tests
	@$(PYTHON) -m mlplatform.tests.both_engines

check: $(VENV)/installed-for-tests
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(VENV)/bin/lint-imports --no-cache --no-logo
	$(PRODUCTION) $(PYTHON) manage.py makemigrations --check --dry-run
	$(PRODUCTION) $(PYTHON) manage.py check --deploy --fail-level WARNING

format: $(VENV)/installed-for-tests
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

bench: $(VENV)/installed-for-tests
	$(call install,benchmarks/requirements.txt)
	@$(PYTHON) -m benchmarks.ratios

# A file in the environment says what it was installed from, so that the next start does not look again

$(VENV)/installed-for-tests: requirements-dev.txt $(VENV)/installed
	$(call install,$<)
	@touch $@

$(VENV)/installed: requirements.txt $(VENV)/bin/python
	$(call install,$<)
	@touch $@

ifdef UV
install = $(UV) pip install --quiet --python $(PYTHON) -r $(1)

$(VENV)/bin/python:
	$(UV) venv --quiet --allow-existing --python '>=3.11' $(VENV)
else
install = $(PYTHON) -m pip install --quiet --disable-pip-version-check -r $(1)

$(VENV)/bin/python:
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making $(VENV) with $$($$python --version) …"; exec $$python -m venv $(VENV); \
		fi; \
	done; echo "mlplatform needs Python 3.11 or newer as python3"; exit 1
endif
