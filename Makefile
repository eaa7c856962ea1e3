# Every target sets up what it needs: a fresh clone takes `make demo` or `make test` as it is.
# What was set up once works without a network from then on.

.DEFAULT_GOAL := help
.PHONY: help demo mesh test lint format types bench e2e reference build clean

# Another interpreter: `make test PYTHON=python3.13`. The folder with a control plane for tests: KUBE.
PYTHON ?=
VENV := .venv
KUBE ?= ../shared/kube
REFERENCE ?= ../shared/reference
# More for pytest: `make test ARGS="-k abort"`. Workers: `make test WORKERS=4`, 0 for none.
ARGS ?=
# A folder for JUnit reports, and a file for the numbers of `make mesh` as JSON.
REPORTS ?=
OUT ?=
WORKERS ?= auto
# Tests on a real API server at the same time: they wait more than they work.
E2E_WORKERS ?= 4
# Most of a scenario of `make mesh` is waiting, so there are more of them at a time than processors.
MESHWORKERS ?= 6

BIN := $(VENV)/bin
report = $(if $(REPORTS),--junitxml=$(REPORTS)/$(1).xml)
READY := $(VENV)/.ready
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)
PACKAGES := -e . $(patsubst %/pyproject.toml,-e ./%,$(wildcard plugins/*/pyproject.toml))
# What a shell has exported for its own clusters is none of the tests' business.
ISOLATED := env -u KUBECONFIG

help: ## what can be made
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
	  while IFS='|' read -r name what; do printf '%-18s%s\n' "$$name" "$$what"; done

demo: $(READY) ## watch a canary with traffic on an embedded cluster; needs no Kubernetes
	@sh tests/repo/envoy.sh "$(VENV)" || true
	@$(BIN)/gradatim demo $(ARGS)

mesh: $(READY) ## releases under real load through a real Envoy, request by request; takes minutes (OUT=file.json)
	@sh tests/repo/envoy.sh "$(VENV)" || { echo "mesh: skipped"; exit 0; }; \
	GRADATIM_MESH_OUT="$(abspath $(OUT))" $(ISOLATED) $(BIN)/python -m pytest -n $(MESHWORKERS) -m mesh tests/mesh \
	  $(call report,mesh) $(ARGS)

test: $(READY) ## all tests that need nothing but this machine
	@$(ISOLATED) $(BIN)/python -m pytest -n $(WORKERS) -m "not e2e" --ignore=tests/e2e --ignore=tests/mesh $(call report,tests) $(ARGS)

lint: $(READY) ## ruff, its formatter, and the walls between the rooms
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## let ruff format the code and mend what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

types: $(READY) ## mypy --strict
	@$(BIN)/mypy

bench: $(READY) ## how long the hot paths take
	@$(BIN)/python -m benchmarks $(ARGS)

e2e: $(READY) ## tests on a real API server (KUBE=folder of the control plane)
	@if [ ! -x "$(KUBE)/kube" ]; then echo "e2e: skipped, there is no control plane in $(KUBE)"; exit 0; fi; \
	export GRADATIM_KUBE="$(abspath $(KUBE))"; \
	cluster="$(BIN)/python tests/reference/cluster.py --kube $(KUBE)"; \
	echo "e2e: the rooms on a real API server"; \
	$$cluster -- $(BIN)/python -m pytest -m e2e --ignore=tests/e2e tests $(call report,e2e-rooms) $(ARGS) || exit 1; \
	if [ -d tests/e2e ]; then \
	  echo "e2e: the controller on a real API server"; \
	  $$cluster --node --apply deploy/crds -- $(BIN)/python -m pytest -n $(E2E_WORKERS) --dist loadgroup -m e2e tests/e2e $(call report,e2e) $(ARGS); \
	fi

reference: $(READY) ## play recorded scenarios of Argo Rollouts and compare (KUBE, REFERENCE)
	@if [ ! -x "$(KUBE)/kube" ] || [ ! -x "$(REFERENCE)/scenario" ]; then \
	  echo "reference: skipped, there is nothing in $(KUBE) or $(REFERENCE)"; exit 0; fi; \
	$(BIN)/python tests/reference/check.py --kube "$(KUBE)" --reference "$(REFERENCE)" $(ARGS)

build: $(READY) ## the wheels of all four distributions and the controller's sdist, in dist/
	@rm -rf dist
	@for project in $(PROJECTS); do \
	  what=--wheel; [ "$$project" = pyproject.toml ] && what="--wheel --sdist"; \
	  $(BIN)/python -m build --no-isolation $$what --outdir dist "$$(dirname "$$project")" >dist.log 2>&1 \
	    || { cat dist.log; exit 1; }; \
	done; rm -f dist.log; ls dist

clean: ## remove what the other targets made, but for .venv
	@rm -rf dist build htmlcov .coverage .coverage.* .cache .hypothesis .pytest_cache .mypy_cache .ruff_cache \
	  .import_linter_cache dist.log
	@find core plugins tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment for everything, made anew when a pyproject.toml has changed since. The stamp is written last,
# so whatever was interrupted is begun again.
$(READY): $(PROJECTS)
	@sh tests/repo/setup.sh "$(VENV)" "$(PYTHON)" $(PACKAGES)
	@touch $@
