# Wattproof: `make demo` shows the whole product, `make test` proves it; both install what they need first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-slow test-others hil check core cover mutants bench fuzz nightly catalogue cli-reference fault-table format lock install test-system clean
.DEFAULT_GOAL := install

install: $(INSTALLED)

$(BIN)/python:
	@PYTHON="$(PYTHON)" sh tools/make_venv.sh $(VENV)

# Every file that pip may install is pinned by its hash; the project itself needs nothing beyond them.
$(INSTALLED): requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

test-system:
	@sh tools/system_packages.sh mosquitto chromium fonts-noto-cjk openssl
	@sh tools/system_packages.sh mbpoll libmodbus-dev gcc libc6-dev \
		|| echo "The tests against foreign Modbus programs are skipped and counted at the end." >&2
	@sh tools/system_packages.sh iproute2 \
		|| echo "The tests over bad networks are skipped and counted at the end." >&2
	@sh tools/system_packages.sh swtpm tpm2-tools \
		|| echo "The tests of keys in a TPM are skipped and counted at the end." >&2

demo: $(INSTALLED)
	$(BIN)/python -m hil_tests.demo

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.tidy
	$(BIN)/python -m tools.catalogue --check
	$(BIN)/python -m tools.cli_reference --check
	$(BIN)/python -m tools.fault_table --check

core: $(INSTALLED)
	$(BIN)/python -m tools.core_on_micropython

# The tests of the cores alone take every branch of both; what they do not take is listed as line->line.
CORE_TESTS := gateway/tests/core cloud_sync/tests/core

cover: $(INSTALLED)
	$(BIN)/python -m coverage run -m pytest --quiet $(CORE_TESTS)
	$(BIN)/python -m coverage report

# The slow tests mostly wait, for intervals to end and for processes to be killed: they run beside the others.
test: test-system check core
	@$(MAKE) --no-print-directory --jobs=2 test-slow test-others

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

# Those of the cores are among them, but run under measurement.
test-others: $(INSTALLED) cover
	$(BIN)/python -m pytest -m "not slow" $(addprefix --ignore=,$(CORE_TESTS))

# The tests that also run over real serial ports: HIL_PORT and more, see hil_tests/README.md.
hil: $(INSTALLED)
	$(BIN)/python -m pytest -v hil_tests/test_between_ports.py hil_tests/test_one_meter.py

# Small changes of the cores, and whether a plain test notices each: SAMPLE of them by SEED, 0 for all; docs/testing.md.
SAMPLE ?= 900
SEED ?= 2

mutants: $(INSTALLED)
	$(BIN)/python -m tools.mutants --plain --sample $(SAMPLE) --seed $(SEED) --least 90

# Without them the bench says in its table what it could not compare with.
bench: $(INSTALLED)
	-@sh tools/system_packages.sh mosquitto collectd-core
	$(BIN)/python -m tools.bench

# Coverage-guided: each target TIME seconds, all of them or those that TARGETS names; docs/fuzzing.md.
TIME ?= 300
FUZZER := .fuzz/atheris

$(FUZZER)/.installed: tools/fuzz/requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes --upgrade --target $(FUZZER) -r tools/fuzz/requirements.txt
	@touch $@

fuzz: $(INSTALLED) $(FUZZER)/.installed
	PYTHONPATH=$(FUZZER) $(BIN)/python -m tools.fuzz.run --seconds $(TIME) $(TARGETS)

# What continuous integration runs at night (.ci/nightly): what takes hours, each to its end whatever the others say.
nightly: $(INSTALLED)
	@$(MAKE) --no-print-directory --keep-going cover mutants fuzz TIME=300

# The files made from the code: run after changing a message, a command, an option, or a test of a fault.
catalogue: $(INSTALLED)
	$(BIN)/python -m tools.catalogue

cli-reference: $(INSTALLED)
	$(BIN)/python -m tools.cli_reference

fault-table: $(INSTALLED)
	$(BIN)/python -m tools.fault_table

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(BIN)/python
	PYTHON="$(BIN)/python" sh tools/lock.sh

clean:
	rm -rf $(VENV) build dist
