# Two commands do everything: `make run` and `make test`. The rest are for those who work on the code.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin

.PHONY: run test check tests tests-pure patterns collected coverage lint types imports setup clean fuzz sanitize unfair mutation soak torture bench bench-check bench-detection e2e-kube \
        format docs manifest

setup: $(VENV)/.needs $(VENV)/.installed
# What is compiled of: the C files, and the modules that have a .pxd.
COMPILED := waf/compiled.py $(wildcard waf/*.c waf/*.h) $(foreach f,$(wildcard waf/*.pxd waf/*/*.pxd),$(f) $(f:.pxd=.py))
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	touch $@
# The project without what it needs, and what it needs without the project: neither waits for the other, and the
# compiler takes longest. What nobody loads needs no bytecode: ten seconds of compiling.
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
NEEDS = import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
        print(*project["dependencies"], *project["optional-dependencies"]["dev"], sep="\n")
$(VENV)/.installed: pyproject.toml setup.py $(COMPILED) | $(VENV)/.made
	$(PIP) --no-deps -e .
	touch $@
$(VENV)/.needs: pyproject.toml | $(VENV)/.made
	$(BIN)/python -c '$(NEEDS)' > $(VENV)/needs.txt
	$(PIP) -r $(VENV)/needs.txt
	touch $@

run: setup
	$(BIN)/waf demo

# So many processes at once; all tests of a file in one of them, since they may share what is dear to make. In the order of their
# names, those that start whole programs and wait for them come early, and the last files are short ones.
JOBS ?= 2
PYTEST = $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
# What is asked again of the sources where nothing was compiled.
PURE = tests/proxy tests/http1 tests/record
# Tests start this program hundreds of times: it must not be compiled from source each time, whatever a container says.
unexport PYTHONDONTWRITEBYTECODE

test: check
IN_ONE_PIECE = $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
# First what one processor does, side by side with the compiler; each says what it has to say in one piece.
check:
	$(MAKE) --jobs=$(JOBS) $(IN_ONE_PIECE) setup lint types imports patterns collected
	$(MAKE) --jobs=2 tests tests-pure
tests:
	$(PYTEST)
# Beside the others, who wait now and then; only its end is told, and all of it where something failed.
tests-pure:
	WAF_PURE_PYTHON=1 $(BIN)/pytest $(PURE) > $(VENV)/pure.txt 2>&1 || { cat $(VENV)/pure.txt; exit 1; }
	tail -n 1 $(VENV)/pure.txt
# Where tests look for compiled patterns (tests/conftest.py), so that not each process makes them.
patterns: setup
	$(BIN)/waf rules compile --cache .pytest_cache/d/home/waf-sidecar

# pytest rewrites all tests and writes down what it made of them: once, while one processor makes the patterns, and not in each process.
collected: setup
	$(BIN)/pytest --collect-only -qq > $(VENV)/collected.txt || { cat $(VENV)/collected.txt; exit 1; }

# The same with its lines counted, which takes half as long again.
coverage: setup
	$(BIN)/coverage run -m pytest
	WAF_PURE_PYTHON=1 $(BIN)/coverage run --append -m pytest $(PURE)
	$(BIN)/coverage report --skip-covered --sort=cover | tail -25

lint: $(VENV)/.needs
	$(BIN)/ruff check waf tests bench
	$(BIN)/ruff format --check waf tests bench
types: $(VENV)/.needs
	$(BIN)/mypy
imports: $(VENV)/.needs
	$(BIN)/lint-imports
format: setup
	$(BIN)/ruff format waf tests bench
	$(BIN)/ruff check --fix waf tests bench

# Long runs, none of them part of `make test`. All end by themselves and use loopback addresses only.
bench: setup
	$(BIN)/python -m bench.latency --results
	$(BIN)/python -m bench.micro --results
	$(BIN)/python -m bench.many_rules --results
	$(BIN)/python -m bench.memory --results
bench-check: setup
	$(BIN)/python -m bench.latency --check
torture: setup
	$(BIN)/python -m bench.torture --results
	$(BIN)/python -m bench.worst --sizes --results
	$(BIN)/python -m bench.spending --results
	$(BIN)/python -m bench.charges --results
soak: setup
	$(BIN)/python -m bench.soak --results
mutation: setup
	$(BIN)/python -m pytest -m slow tests/rules/test_mutations.py
bench-detection: setup
	$(BIN)/python -m bench.detection --count 100 --levels 1,2,3 --crs --results
sanitize: setup
	$(BIN)/python -m bench.sanitize --fuzz
# The tests that wait for something, on a machine that is busy at the wrong moment; SEED chooses the moments.
SEED ?= 1
unfair: setup
	WAF_UNFAIR=$(SEED) $(BIN)/python -m pytest -p tests.unfair tests/kube tests/control tests/e2e tests/app
fuzz: setup
	WAF_HYPOTHESIS=fuzz $(BIN)/python -m pytest -m slow tests

docs: setup
	PYTHONPATH=. $(BIN)/python tests/house/configuration_page.py > docs/configuration.new
	mv docs/configuration.new docs/configuration.md

manifest:
	( sed -n '1,/^# the rest/p' sidecar-inject.yaml; first=1; \
	  for name in $$(sed -n 's/^  - //p' deploy/kustomization.yaml); do \
	    test -n "$$first" || echo ---; first=; cat deploy/$$name; done ) > sidecar-inject.new
	mv sidecar-inject.new sidecar-inject.yaml

# A real kube-apiserver and etcd on loopback; KUBE_BIN names the directory with kube-apiserver (see the script).
e2e-kube: setup
	$(BIN)/python -m pytest tests/e2e_kube

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage build *.egg-info
