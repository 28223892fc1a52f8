# Every target sets up what it needs first (scripts/setup_env.sh does nothing when nothing changed).
SHELL := bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.PHONY: help setup demo pipeline test docker-test lint format bench clean
.DEFAULT_GOAL := help

OUT ?= out/demo
SHIPPED := checkpoints/sft_traffic_base_v1.pt
CHECKPOINT ?= $(SHIPPED)
# The shipped head refines the shipped checkpoint only.
DELTA_CHECKPOINT ?= $(if $(filter $(SHIPPED),$(CHECKPOINT)),checkpoints/grpo_traffic_delta_v1.pt)
SCENARIOS ?=
PIPELINE_ARGS ?=
PYTEST_ARGS ?=

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 13

setup: ## Make or update .venv and ros2_ws/install
	@bash scripts/setup_env.sh

demo: setup ## Drive the five standard scenarios through ROS 2 with the shipped checkpoint, refined by reinforcement learning; leaves out/demo/report.html (CHECKPOINT= DELTA_CHECKPOINT= OUT= SCENARIOS=a,b)
	@source scripts/ros_env.sh
	python -m waypilot.supervisor launch/stack.yaml checkpoint:="$(CHECKPOINT)" delta_checkpoint:="$(DELTA_CHECKPOINT)" output_dir:="$(OUT)" $(if $(SCENARIOS),scenarios:="$(SCENARIOS)")

pipeline: setup ## Make a policy from nothing: collect, train, refine, select, evaluate (PIPELINE_ARGS="--smoke" for a tiny one)
	@.venv/bin/python -m training.pipeline $(PIPELINE_ARGS)

test: setup ## Run all tests (PYTEST_ARGS="-k route" for a selection)
	@source scripts/ros_env.sh
	ROS_PYTHON_CHECK_FIELDS=1 python -m pytest $(PYTEST_ARGS)

docker-test: setup ## Build the images and drive the suite over separate containers (installs Debian's Docker engine if there is none)
	@bash scripts/docker_test.sh $(PYTEST_ARGS)

lint: setup ## Formatting, lint, types, import borders
	@.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: setup ## Format the code and sort its imports
	@.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: setup ## Run all benchmarks and print their figures
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements/bench.txt 2> >(grep -v 'is ignored: it is neither' >&2)
	source scripts/ros_env.sh
	python -m benchmarks --output out/benchmarks.json

clean: ## Remove everything that the targets made
	rm -rf .venv out ros2_ws/build ros2_ws/install ros2_ws/log .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
