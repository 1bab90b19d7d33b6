# Both targets do all the set-up: a virtual environment in .venv with the versions pinned in constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
# Ray ends the process that starts it where its node does not come up, so its tests have one of their own.
RAY := tests/integration/test_ray.py

.DEFAULT_GOAL := help
.PHONY: help demo test fast lint format clean

help:  ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: .venv/.installed  ## Train a plain and a guided inspector on synthetic parts and compare where they look
	$(BIN)/gainspect demo

test: lint  ## Everything that must hold: format, types, layers, all tests (fast ones first)
	$(BIN)/pytest --numprocesses auto --dist loadscope --no-loadscope-reorder --ignore $(RAY)
	$(BIN)/pytest $(RAY)

fast: .venv/.installed  ## The fast tests only
	$(BIN)/pytest --numprocesses auto --dist loadscope --no-loadscope-reorder -m "not slow"

lint: .venv/.installed  ## Format, lint, types and layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check --no-cache .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed  ## Format and mend what can be mended by machine
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## Remove the environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
