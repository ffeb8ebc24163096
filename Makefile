# Everything sets itself up: the virtual environment (.venv) and Prometheus, promtool, Alertmanager and amtool (.tools).
.DEFAULT_GOAL := help
.PHONY: help setup tools demo test generate lint bench mutation clean
BIN := .venv/bin
export PATH := $(CURDIR)/.tools/bin:$(PATH)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:
	@.ci/setup

tools:
	@.ci/tools

demo: setup ## an incident from breach to page, on this machine; ARGS="--list" and "--help" say more
	@$(BIN)/python -m tests.live $(ARGS)

# Three workers on two cores: many tests wait for real programs.
test: setup tools lint ## everything that must hold: style, types, unit, property and live tests
	$(BIN)/pytest --quiet --numprocesses=3 --dist=loadfile --durations=10

generate: setup ## write dashboards/ and alerts/ anew
	$(BIN)/memoryos-generate

lint: setup ## ruff, mypy --strict, and whether the generated files are fresh
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy --no-error-summary
	$(BIN)/memoryos-generate --check

bench: setup tools ## speed and memory, side by side with a peer; ARGS="exporter" for one area
	$(BIN)/python -m tests.bench $(ARGS)

mutation: setup tools ## make small faults in the rules and count those that the tests notice; takes long
	cd tests && ../$(BIN)/python -m rules.mutation $(ARGS)

clean: ## remove .venv, .tools and caches
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis exporter/elixir/_build
