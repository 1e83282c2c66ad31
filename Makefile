# `make run` is all that is needed: it installs, builds the library of data/reading-list.md, and serves it.
PYTHON ?= python3
PIP_ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(PIP_ARGS)

.PHONY: install run test torture bench fuzz lint clean

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "paperpath needs Python 3.11 or newer; name one: make install PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (PyTorch is large: some minutes) ..."
	@PIP_CONSTRAINT=constraints.txt $(PIP) -e .
	@touch $@

.venv/.tests-installed: .venv/.installed
	@PIP_CONSTRAINT=constraints.txt $(PIP) -e '.[test]'
	@touch $@

# Allows changes over HTTP. Only its owner can read the file.
data/token:
	@umask 077 && $(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(32))' > data/token.part && mv data/token.part data/token

# Exit codes 3 and 4 of a reindex mean that something is missing, but the rest can be searched.
run: install data/token
	@$(BIN)/paperpath reindex || case $$? in 3|4) ;; *) exit 1 ;; esac
	@test -n "$$PAPERPATH_TOKEN" || echo "The token for changes over HTTP is in data/token: cat data/token"
	@PAPERPATH_TOKEN_FILE=data/token exec $(BIN)/paperpath serve

# What judges the pages' accessibility, from the npm registry; where there is no npm, those tests are skipped.
build/axe/.installed:
	@mkdir -p build/axe
	@if command -v npm >/dev/null; then npm install --prefix build/axe --no-save --ignore-scripts --no-audit --no-fund \
		--loglevel=error axe-core@4.14.1 >/dev/null && touch $@; fi || echo "axe-core could not be had: its tests are skipped."

test: .venv/.tests-installed build/axe/.installed
	@$(BIN)/python -m pytest -q -n auto --dist loadgroup -m "not torture"

torture: .venv/.tests-installed
	@$(BIN)/python -m pytest -q -n auto --dist loadgroup -rA -m torture

# What people would take instead, in an environment of its own: yours stays as it is.
build/bench-venv/.installed: pyproject.toml constraints.txt
	@test -x build/bench-venv/bin/python || $(PYTHON) -m venv build/bench-venv
	@PIP_CONSTRAINT=constraints.txt build/bench-venv/bin/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt $(PIP_ARGS) -e '.[bench]'
	@touch $@

bench: .venv/.tests-installed build/bench-venv/.installed
	@$(BIN)/python bench/reindex.py
	@test ! -d ../shared/papers || $(BIN)/python bench/extract.py ../shared/papers
	@build/bench-venv/bin/python bench/search.py
	@test ! -d ../shared/eval || build/bench-venv/bin/python bench/search.py --quality
	@build/bench-venv/bin/python bench/serving.py
	@test ! -d ../shared/papers || build/bench-venv/bin/python bench/end_to_end.py
	@test ! -d ../shared/papers || $(BIN)/python bench/pages.py ../shared/papers

# An hour of broken PDFs; what it finds is below build/fuzz.
fuzz: .venv/.tests-installed
	@$(BIN)/python bench/fuzz_pdf.py

lint: .venv/.tests-installed
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

clean:
	rm -rf .venv build *.egg-info
