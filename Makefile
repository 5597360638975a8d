# make repro: build the environment and run the pipeline.  make test: build it and run the tests.  make check: everything.
PYTHON ?= python3
VENV := .venv
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
PIP := python -m pip install --quiet --disable-pip-version-check --no-compile
TORCH := $(shell sed -n 's/.*"\(torch==[^"]*\)".*/\1/p' pyproject.toml)
STAMP := $(VENV)/installed

.PHONY: repro test test-slow finetune topics-study benchmarks check lint docs lock ray supply-chain clean

repro: $(STAMP)
	$(RUN) dvc repro

# two processes of one thread each, since threads of two would get in each other's way
test: $(STAMP)
	$(RUN) OMP_NUM_THREADS=1 python -m pytest -n 2

test-slow: $(STAMP)
	$(RUN) OMP_NUM_THREADS=1 python -m pytest -n 2 -m slow

finetune: $(STAMP)
	$(RUN) python -m collabnlp.stages.finetune
	$(RUN) dvc commit --force finetune

topics-study: $(STAMP)
	$(RUN) python -m collabnlp.stages.topic_study

# linting, then the tests, run beside the pipeline; what each prints comes in one piece when it is done
check: $(STAMP)
	$(MAKE) --jobs=2 --output-sync=target repro lint test
	$(RUN) python docs/generate.py --check
	$(RUN) dvc repro --dry | grep -q "up to date"
	$(MAKE) test-slow
	if $(RUN) python -c "import ray" 2>/dev/null; then $(RUN) python -m pytest -m ray; fi

# speed, each as a ratio to a named yardstick; on a machine that does nothing else
benchmarks: $(STAMP)
	for part in ingest encode tagging entities classify topics search web evidence scale pipeline; do echo "== $$part"; $(RUN) python benchmarks/$$part.py || exit 1; done

lint: $(STAMP)
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports
	$(RUN) codespell

docs: $(STAMP)
	$(RUN) python docs/generate.py

# the lock: uv (pip install uv) reads pyproject.toml and keeps the versions that the lock has where they still fit;
# torch must be found as its build for processors (UV_TORCH_BACKEND=cpu), or the lock fills with NVIDIA's packages
lock:
	uv pip compile pyproject.toml --extra dev --generate-hashes --no-emit-package torch --no-emit-package pip \
		--no-annotate --custom-compile-command "make lock" --output-file requirements.lock
	echo 'ray[data]>=2.50' | uv pip compile - --constraint requirements.lock --generate-hashes \
		--no-annotate --custom-compile-command "make lock" --output-file requirements-ray.lock

# engine: ray in params.yaml (docs/scale.md)
ray: $(STAMP)
	$(RUN) $(PIP) --no-deps --require-hashes --requirement requirements-ray.lock

# what is installed, with licences and known weaknesses; needs a network, and its tools live in a folder of their own
supply-chain: $(STAMP)
	$(PYTHON) -m venv .supply
	.supply/bin/python -m pip install --quiet --disable-pip-version-check pip-audit cyclonedx-bom
	.supply/bin/cyclonedx-py environment $(VENV) --output-reproducible --of JSON --output-file .supply/sbom.cdx.json
	.supply/bin/pip-audit --requirement requirements.lock --require-hashes --disable-pip

clean:
	rm -rf outputs/*.* outputs/plots models/classifier models/topics .cache

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) $(PIP) --no-deps --require-hashes --requirement requirements.lock
	$(RUN) $(PIP) "$(TORCH)"
	$(RUN) $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
