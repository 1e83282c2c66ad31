# `make run` is all that is needed: it installs, builds the library of data/reading-list.md, and serves it.
PYTHON ?= python3
PIP_ARGS ?=
PORT ?= 8000
BIN := .venv/bin
# First what has the same bytes on every machine, each file checked by its hash (hashes/), then all the rest by its version
# (constraints.txt; older pips pin a build's packages by the first variable, newer ones by the second). A file that hashes
# otherwise ends it: pip says which.
HASHED = -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) --no-deps --require-hashes
PINNED = -m pip install --quiet --disable-pip-version-check $(PIP_ARGS)
PINS = PIP_CONSTRAINT=$(1) PIP_BUILD_CONSTRAINT=$(1)

.PHONY: install run test torture bench soak fuzz lint supply audit sbom clean

install: .venv/.installed
	@echo "Installed. Next: make run, or $(BIN)/paperpath --help"

.venv/.installed: pyproject.toml constraints.txt hashes/run.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "paperpath needs Python 3.11 or newer; name one: make install PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (PyTorch is large: some minutes) ..."
	@$(BIN)/python $(HASHED) -r hashes/run.txt
	@$(call PINS,constraints.txt) $(BIN)/python $(PINNED) -e .
	@touch $@

.venv/.tests-installed: .venv/.installed hashes/test.txt
	@$(BIN)/python $(HASHED) -r hashes/test.txt
	@$(call PINS,constraints.txt) $(BIN)/python $(PINNED) -e '.[test]'
	@touch $@

# Allows changes over HTTP. Only its owner can read the file.
data/token:
	@umask 077 && $(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(32))' > data/token.part && mv data/token.part data/token

# Exit codes 3 and 4 of a reindex mean that something is missing, but the rest can be searched.
run: .venv/.installed data/token
	@$(BIN)/paperpath serve --try --port $(PORT) || { echo "  make run PORT=8001 takes another." >&2; exit 1; }
	@$(BIN)/paperpath reindex || case $$? in 3|4) ;; *) exit 1 ;; esac
	@test -n "$$PAPERPATH_TOKEN" || export PAPERPATH_TOKEN_FILE=data/token; exec $(BIN)/paperpath serve --port $(PORT)

# What judges the pages' accessibility, from the npm registry; where there is no npm, those tests are skipped.
build/axe/.installed:
	@mkdir -p build/axe
	@if command -v npm >/dev/null; then npm install --prefix build/axe --no-save --ignore-scripts --no-audit --no-fund \
		--loglevel=error axe-core@4.14.1 >/dev/null && touch $@; fi || echo "axe-core could not be had: its tests are skipped."

test: .venv/.tests-installed build/axe/.installed
	@$(BIN)/python -m pytest -q -n auto --dist loadgroup --max-worker-restart 0 -m "not torture"

torture: .venv/.tests-installed
	@$(BIN)/python -m pytest -q -n auto --dist loadgroup --max-worker-restart 0 -rA -m torture

# What people would take instead, in an environment of its own: yours stays as it is.
build/bench-venv/.installed: pyproject.toml bench/constraints.txt hashes/bench.txt
	@test -x build/bench-venv/bin/python || $(PYTHON) -m venv build/bench-venv
	@build/bench-venv/bin/python $(HASHED) -r hashes/bench.txt
	@$(call PINS,bench/constraints.txt) build/bench-venv/bin/python $(PINNED) -e '.[bench]'
	@touch $@

bench: .venv/.tests-installed build/bench-venv/.installed
	@$(BIN)/python bench/reindex.py
	@test ! -d ../shared/papers || $(BIN)/python bench/extract.py ../shared/papers
	@build/bench-venv/bin/python bench/search.py
	@test ! -d ../shared/eval || build/bench-venv/bin/python bench/search.py --quality
	@build/bench-venv/bin/python bench/serving.py
	@build/bench-venv/bin/python bench/load.py
	@test ! -d ../shared/papers || build/bench-venv/bin/python bench/end_to_end.py
	@test ! -d ../shared/papers || $(BIN)/python bench/pages.py ../shared/papers

# Two hours or a million requests of everything at once; the figures are in build/bench/soak.json.
soak: build/bench-venv/.installed
	@build/bench-venv/bin/python bench/soak.py

# An hour of broken PDFs; what it finds is below build/fuzz.
fuzz: .venv/.tests-installed
	@$(BIN)/python bench/fuzz_pdf.py

lint: .venv/.tests-installed
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

build/tools/.installed: .ci/tools.txt hashes/tools.txt
	@test -x build/tools/bin/python || $(PYTHON) -m venv build/tools
	@build/tools/bin/python $(HASHED) -r hashes/tools.txt
	@build/tools/bin/python $(PINNED) -r .ci/tools.txt
	@touch $@

# What is installed: whole, under accepted licences, listed in build/sbom.json, and without a known vulnerability; where the
# service that knows them can't be reached, it says so and goes on (`make audit` fails then).
supply: sbom
	@$(BIN)/python -m pip check --disable-pip-version-check
	@$(BIN)/python .ci/licences.py --check
	@build/tools/bin/python .ci/audit.py || test $$? = 3

audit: build/tools/.installed
	@build/tools/bin/python .ci/audit.py

sbom: .venv/.installed build/tools/.installed
	@$(BIN)/python .ci/bom.py build/tools/bin/cyclonedx-py build/sbom.json

clean:
	rm -rf .venv build *.egg-info
