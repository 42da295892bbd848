# hw-anon: every target makes the environment it needs.
PYTHON ?= python3
MAIN := .venv
BOARD := .venv-board
DOCS := .venv-docs
MAIN_EXTRAS := train,search,finn,sim,synth,dev
BOARD_EXTRAS := board,test
DOCS_EXTRAS := docs
# One thread per process: test workers on two cores would otherwise fight over them.
RUN := OMP_NUM_THREADS=1
PYTEST := $(RUN) $(MAIN)/bin/pytest -n 2
BOARD_PYTEST := $(RUN) $(BOARD)/bin/pytest -n 2
BOARD_TESTS := tests/core tests/host tests/hil tests/examples

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-full test-main test-board lint lint-style lint-types lint-imports lint-rtl format docs site wheel bench clean distclean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

# VIDEO is a video, a picture or a folder of pictures.
demo: $(MAIN)/.installed ## send people (or VIDEO=…) through the simulated camera, show what the CPU sees: build/demo
	$(MAIN)/bin/hw-anon demo $(if $(VIDEO),'$(VIDEO)') --out build/demo

test: lint test-main test-board ## lint, the tests of both environments (no slow ones)

test-full: lint $(MAIN)/.installed test-board site ## everything that needs no vendor tool, no GPU and no board
	$(MAIN)/bin/hw-anon doctor --room quant --room hls
	$(PYTEST) -m "not board and not vivado and not gpu"

test-main: $(MAIN)/.installed
	$(MAIN)/bin/hw-anon doctor --room quant --room hls
	$(PYTEST) -m "not slow and not board and not vivado and not gpu"

test-board: $(BOARD)/.installed
	$(BOARD)/bin/hw-anon doctor --room host
	$(BOARD_PYTEST) -m "not slow and not vivado and not gpu" $(BOARD_TESTS)

lint: lint-style lint-types lint-imports lint-rtl ## ruff, mypy, import order, Verilator lint of our RTL

lint-style: $(MAIN)/.installed
	$(MAIN)/bin/ruff check .
	$(MAIN)/bin/ruff format --check .

lint-types: $(MAIN)/.installed
	$(MAIN)/bin/mypy

lint-imports: $(MAIN)/.installed
	$(MAIN)/bin/lint-imports

lint-rtl: $(MAIN)/.installed
	$(MAIN)/bin/python -m hls.lint

format: $(MAIN)/.installed ## rewrite the sources as ruff formats them
	$(MAIN)/bin/ruff check --fix .
	$(MAIN)/bin/ruff format .

docs: $(MAIN)/.installed ## rewrite the generated parts of docs/ and the generated HDL
	$(MAIN)/bin/python docs/generate.py
	$(MAIN)/bin/python -m hls.autogen

site: $(DOCS)/.installed ## the documentation as a site: build/site/index.html
	$(DOCS)/bin/python docs/site/build.py

wheel: $(MAIN)/.installed ## wheel and source distribution: dist
	rm -rf dist
	$(MAIN)/bin/python -c "from setuptools.build_meta import build_sdist; build_sdist('dist')"
	$(MAIN)/bin/python -m pip wheel --quiet --no-build-isolation --no-deps --no-index --wheel-dir dist dist/hw_anon-*.tar.gz

bench: $(MAIN)/.installed ## measure speed and size, print the table, write build/bench.json
	$(MAIN)/bin/hw-anon bench --out build/bench.json

clean: ## remove what building and testing made, keep the environments
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find hw_anon quant hls host tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove the environments as well
	rm -rf $(MAIN) $(BOARD) $(DOCS)

# $(1) environment, $(2) lock, $(3) extras. The stamp appears only after the install ended well; an environment whose
# install was interrupted is thrown away, because pip may have left half a package in it.
define install
	@if [ -e $(1)/.installing ]; then rm -rf $(1); fi
	$(PYTHON) -m venv $(1)
	@touch $(1)/.installing
	$(1)/bin/python -m pip install --quiet --constraint $(2) --editable '.[$(3)]'
	@mv $(1)/.installing $(1)/.installed
endef

$(MAIN)/.installed: requirements/main.lock pyproject.toml
	$(call install,$(MAIN),requirements/main.lock,$(MAIN_EXTRAS))

$(BOARD)/.installed: requirements/board.lock pyproject.toml
	$(call install,$(BOARD),requirements/board.lock,$(BOARD_EXTRAS))

$(DOCS)/.installed: requirements/docs.lock pyproject.toml
	$(call install,$(DOCS),requirements/docs.lock,$(DOCS_EXTRAS))
