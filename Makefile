# Each target sets up what it needs. PYTHON names the interpreter that makes the environment.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
SWEEP ?= sweeps/quickstart.yaml
# Files of tests go to two processes: much of a test of Ray, of locks and of signals is waiting.
PYTEST = $(RUN) -m pytest -n 2 --dist loadfile

.PHONY: sweep test fast check audit bench docs gpu clean

sweep: $(VENV)/ready
	$(RUN) -m rayal.sweep $(SWEEP)

test: $(VENV)/ready $(VENV)/servers/ready
	$(PYTEST)

# What a developer asks while working: style, types, and all tests that are not slow.
fast: $(VENV)/ready
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	RAYAL_TEST_DRAWS=10 $(PYTEST) -m "not slow" -q

check: $(VENV)/ready $(VENV)/servers/ready
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(RUN) audit.py
	$(RUN) check_pythons.py
	$(PYTEST)

audit: $(VENV)/ready
	$(RUN) audit.py
	$(RUN) check_pythons.py

# The documentation as a site, in build/docs/html. Warnings are errors, and links are checked; the
# tests build it too.
docs: $(VENV)/ready
	$(RUN) -m website

bench: $(VENV)/ready
	$(RUN) -m benchmarks.overhead
	$(RUN) -m benchmarks.scale
	$(RUN) -m benchmarks.pretraining
	$(RUN) -m benchmarks.training
	$(RUN) -m benchmarks.heads
	$(RUN) -m benchmarks.logistic
	$(RUN) -m benchmarks.selection
	$(RUN) -m benchmarks.large_pools
	$(RUN) -m benchmarks.balance
	$(RUN) -m benchmarks.analysis

# What one NVIDIA GPU makes of it: checks against the CPU, speed, sharing; six minutes.
gpu: $(VENV)/ready
	$(RUN) -m pytest -m gpu -q
	$(RUN) -m benchmarks.gpu --json gpu.json

$(VENV)/ready: pyproject.toml constraints.txt install.py
	$(PYTHON) install.py $(VENV)
	touch $@

# Object stores to test against, in an environment of their own beside the other.
$(VENV)/servers/ready: tests/servers.txt | $(VENV)/ready
	$(RUN) -m venv $(VENV)/servers
	$(VENV)/servers/bin/python -m pip install -q -r $<
	touch $@

clean:
	rm -rf $(VENV) runs
