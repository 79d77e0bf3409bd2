# Two commands do everything: `make run` and `make test`. The rest are for those who work on the code.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin

.PHONY: run test check lint types imports setup clean fuzz soak bench bench-check bench-detection e2e-kube format

setup: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

run: setup
	$(BIN)/waf demo

test: check
check: lint types imports
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --skip-covered --sort=cover | tail -25

lint: setup
	$(BIN)/ruff check waf tests bench
	$(BIN)/ruff format --check waf tests bench
types: setup
	$(BIN)/mypy
imports: setup
	$(BIN)/lint-imports
format: setup
	$(BIN)/ruff format waf tests bench
	$(BIN)/ruff check --fix waf tests bench

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage build *.egg-info
