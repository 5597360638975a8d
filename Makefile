# make repro: build the environment and run the pipeline.  make test: build it and run the tests.  make check: everything.
PYTHON ?= python3
VENV := .venv
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
STAMP := $(VENV)/installed

.PHONY: repro test test-slow finetune topics-study check lint docs clean

repro: $(STAMP)
	$(RUN) dvc repro

test: $(STAMP)
	$(RUN) python -m pytest -n 2

test-slow: $(STAMP)
	$(RUN) python -m pytest -m slow

finetune: $(STAMP)
	$(RUN) python -m collabnlp.stages.finetune
	$(RUN) dvc commit --force finetune

topics-study: $(STAMP)
	$(RUN) python -m collabnlp.stages.topic_study

check: lint test repro
	$(RUN) python docs/generate.py --check
	$(RUN) dvc repro --dry | grep -q "up to date"
	$(RUN) python -m pytest -m slow

lint: $(STAMP)
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) codespell

docs: $(STAMP)
	$(RUN) python docs/generate.py

clean:
	rm -rf outputs/*.* outputs/plots models/classifier models/topics .cache

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(RUN) python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
