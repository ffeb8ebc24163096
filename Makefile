# Everything sets itself up: the virtual environment (.venv) and Prometheus, promtool, Alertmanager and amtool (.tools).
.DEFAULT_GOAL := help
.PHONY: help demo test generate lint bench clean
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

test: setup tools lint ## everything that must hold: style, types, unit, property and live tests
	$(BIN)/pytest --quiet

generate: setup ## write dashboards/ and alerts/ anew
	$(BIN)/memoryos-generate

lint: setup ## ruff and mypy --strict
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy --no-error-summary

bench: setup tools ## speed and memory, side by side with a peer
	$(BIN)/python -m tests.bench

clean: ## remove .venv, .tools and caches
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis
