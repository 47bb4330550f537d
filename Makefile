# Two commands on a fresh machine: `make demo` and `make test`. Both set up .venv first.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := .venv-bench
PEERS_READY := $(PEERS)/.ready

.PHONY: demo test check format bench overhead growth start memory large lock lock-bench clean

demo: $(READY)
	$(BIN)/kerasweep demo

test: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# Formatter, linter, strict types; the tests with warnings as errors are `make test`.
check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Against real peers, which have an environment of their own, and an idle machine. `make bench ARGS=--quick` only tries it.
bench: $(READY) $(PEERS_READY)
	$(BIN)/python -m benchmarks.speed --peers $(PEERS)/bin/python $(ARGS)

overhead: $(READY)
	$(BIN)/python benchmarks/overhead.py

growth: $(READY)
	$(BIN)/python benchmarks/growth.py

start: $(READY)
	$(BIN)/python benchmarks/start.py

memory: $(READY)
	$(BIN)/python benchmarks/memory.py

large: $(READY)
	$(BIN)/python benchmarks/large.py

# Installed exactly as locked. pip compiles bytecode, so the first start is as fast as the later ones.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

$(PEERS_READY): benchmarks/requirements.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.lock
	touch $(PEERS_READY)

# Resolve the newest versions that pyproject.toml allows, and write them down: names and versions only.
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --upgrade pip
	$(VENV)-lock/bin/python -m pip install --quiet setuptools . --group dev
	$(VENV)-lock/bin/python -m pip freeze --all --exclude kerasweep --exclude pip > requirements.lock
	rm -rf $(VENV)-lock build

# The peers, with the versions of everything that kerasweep uses too. KerasTuner needs tensorboard, and does not say so.
lock-bench:
	$(PYTHON) -m venv $(PEERS)-lock
	$(PEERS)-lock/bin/python -m pip install --quiet --constraint requirements.lock \
		keras-tuner tensorboard tensorflow keras optuna mlflow scikit-learn pandas
	$(PEERS)-lock/bin/python -m pip freeze --all --exclude pip > benchmarks/requirements.lock
	rm -rf $(PEERS)-lock

clean:
	rm -rf $(VENV) $(PEERS) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
