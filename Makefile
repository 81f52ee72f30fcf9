# Every target sets itself up; Python 3.11, make and git are all that must be there.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Compiled modules start in a third of the time, and a night starts Python half a dozen times.
export UV_COMPILE_BYTECODE := 1
export PYTHONDONTWRITEBYTECODE :=
# The environment is .venv beside this file, whatever else is active.
export VIRTUAL_ENV := $(CURDIR)/.venv
export UV_NO_CONFIG := 1
# Trust whom the machine trusts: company proxies have certificates of their own.
export UV_SYSTEM_CERTS := 1

# The sample's days until here are "the past"; `ratchet sample publish --days 1` brings the next.
SAMPLE_UNTIL := 2013-04-30

# What DVC's remote holds is pulled, not computed; `make repro PULL=` asks no remote, so it needs no
# credentials. A clone's own local remote doesn't exist yet, and DVC would only warn of that.
PULL := --pull

.PHONY: help setup repro demo-s3 test test-slow test-mlflow bench lint format docs lock sample clean

help: ## show what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-11s %s\n", $$1, $$2}'

.venv/bin/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ratchet needs Python 3.11")'
	@echo 'Making .venv'
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.run: .venv/bin/uv requirements/run.txt pyproject.toml
	@echo 'Installing the packages locked in requirements/run.txt'
	@uv pip install --quiet --require-hashes -r requirements/run.txt
	@uv pip install --quiet --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.run requirements/dev.txt
	@echo 'Installing the packages locked in requirements/dev.txt'
	@uv pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

setup: .venv/.run ## make .venv with the locked environment
	@echo 'To use ratchet and dvc in this shell: source .venv/bin/activate'

repro: .venv/.run ## publish the sample, run the pipeline, show the result
	@if grep -q '^  url: sample/inbox/' params.yaml; then ratchet sample publish --until $(SAMPLE_UNTIL); fi
	@ratchet discover
	@if [ "$$(dvc config core.remote)" = local ] && [ ! -e .dvc/remote ]; then dvc repro; else dvc repro $(PULL); fi
	@ratchet summary

demo-s3: .venv/.dev ## play two nights against a real S3 server on this machine
	PYTHONPATH=tests python sample/demo_s3.py

# Three processes for two cores: some stories wait for servers and for time to pass.
test: .venv/.dev ## run the whole test suite
	pytest -n 3 --dist worksteal -m 'not slow and not mlflow'

test-slow: .venv/.dev ## run the checks that take minutes
	pytest -m slow

# MLflow is half a gigabyte, and its server wants an older pyarrow than ours: both live apart.
.mlflow/.done: .venv/.dev
	@echo 'Installing MLflow to .mlflow'
	@uv venv --quiet --clear --python .venv/bin/python .mlflow/client
	@uv pip install --quiet --python .mlflow/client --require-hashes -r requirements/run.txt
	@uv pip install --quiet --python .mlflow/client --require-hashes -r requirements/dev.txt
	@uv pip install --quiet --python .mlflow/client --constraint requirements/extras.txt --editable '.[mlflow]'
	@uv venv --quiet --clear --python .venv/bin/python .mlflow/server
	@uv pip install --quiet --python .mlflow/server 'mlflow>=3.17,<4'
	@touch $@

test-mlflow: .mlflow/.done ## export to a real MLflow server; installs it, apart from .venv
	PATH="$(CURDIR)/.mlflow/client/bin:$$PATH" MLFLOW_SERVER="$(CURDIR)/.mlflow/server/bin/mlflow" \
	  python -m pytest -m mlflow tests/pipeline/test_export_mlflow.py

bench: .venv/.dev ## measure speed and memory, and what the checks catch
	PYTHONPATH=tests python benchmarks/run.py

lint: .venv/.dev ## check style, types and workflows
	ruff check .
	ruff format --check .
	mypy
	zizmor --offline --persona=pedantic --no-progress --quiet .
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	jactionlint
	shellcheck .ci/run

format: .venv/.dev ## mend style
	ruff check --fix .
	ruff format .

docs: .venv/.run ## write docs/params.md from the typed settings
	python docs/params.py

COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command 'make lock'
EXTRAS := --extra serve --extra mlflow --extra xgboost

lock: .venv/bin/uv ## resolve the newest versions that pyproject.toml allows
	$(COMPILE) pyproject.toml -o requirements/run.txt
	$(COMPILE) -c requirements/run.txt --extra dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) -c requirements/run.txt $(EXTRAS) pyproject.toml -o requirements/extras.txt

clean: ## remove the environment (never data, models or the cache)
	rm -rf .venv
