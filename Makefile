# make demo | test | test-slow | check | clean | help.  See docs/install.md.
SHELL := /bin/bash
BIN := .venv/bin
OUT ?= out/demo

# The numerics are small: one thread beats several; DDS stays on this machine.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST

option = $(if $($(1)),--$(2) '$($(1))')
DEMO_OPTIONS = $(call option,INPUT,input) $(call option,OBJECT,object) $(call option,MASKS,masks) \
  $(call option,BOX,prompt-box) $(call option,CAMERA,camera)

.PHONY: help setup demo test test-slow check clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: ## system packages, .venv, messages (the targets below do this first)
	@bash scripts/setup.sh

demo: setup build/kernels ## play a bag through the node and measure: INPUT= OBJECT= MASKS= BOX= CAMERA= OUT= (all optional)
	@$(BIN)/scorehoi demo --out '$(OUT)' $(DEMO_OPTIONS)

build/kernels: | setup
	@printf 'setup: compiled kernels ... '
	@$(BIN)/python tools/compile_kernels.py 2> build/kernels.log || { tail -n 15 build/kernels.log >&2; exit 1; }
	@touch $@ && echo 'done'

test: setup ## fast tests
	@$(BIN)/python -m pytest -m "not slow" $(PYTEST_OPTIONS)

test-slow: setup ## the slow tests
	@$(BIN)/python -m pytest -m slow $(PYTEST_OPTIONS)

check: setup ## ruff (rules and format) and mypy over everything
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

clean: ## remove everything that is made here
	rm -rf .venv build install log out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
