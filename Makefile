# Each target sets up what it needs. PYTHON names the interpreter that makes the environment.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
SWEEP ?= sweeps/quickstart.yaml

.PHONY: sweep test check bench clean

sweep: $(VENV)/ready
	$(RUN) -m rayal.sweep $(SWEEP)

test: $(VENV)/ready
	$(RUN) -m pytest

check: $(VENV)/ready
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(RUN) -m pytest

bench: $(VENV)/ready
	$(RUN) -m benchmarks.overhead
	$(RUN) -m benchmarks.scale
	$(RUN) -m benchmarks.pretraining
	$(RUN) -m benchmarks.training
	$(RUN) -m benchmarks.heads
	$(RUN) -m benchmarks.selection
	$(RUN) -m benchmarks.balance
	$(RUN) -m benchmarks.analysis

$(VENV)/ready: pyproject.toml constraints.txt install.py
	$(PYTHON) install.py $(VENV)
	touch $@

clean:
	rm -rf $(VENV) runs
