# Attention, Measured: every command of the project.
# `make help` lists them. Nothing is installed outside .venv; nothing is written
# outside .venv and _build, except by the targets that say so.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8000

# One process, one order of hashing, and no setting of the reader's own: otherwise
# two readers would see two books. tools/environment.py does the same for kernels.
export PYTHONHASHSEED := 0
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env book page serve slides pdf figures zip wheel assignments test weekly lint \
        format bench results promises reproduce constraints clean distclean

help: ## list these commands
	@echo "Attention, Measured. Commands:"
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sort | \
		awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

# --- the environment -----------------------------------------------------------
# The stamp is written last, so an interrupted install starts again next time.

env: $(VENV)/.installed ## create .venv and install the pinned packages

$(VENV)/.installed: requirements.txt constraints.txt pyproject.toml
	@rm -f $@
	@test -n "$(PYTHON)" || { \
		echo "No Python was found: install Python 3.11 or newer, or name one with 'make book PYTHON=/path/to/python3.11'." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is $$("$(PYTHON)" --version 2>&1), but this book needs Python 3.11 or newer: name one with 'make book PYTHON=/path/to/python3.11'." >&2; exit 1; }
	@$(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || { \
		echo "Creating $(VENV) ..."; "$(PYTHON)" -m venv --clear $(VENV); }
	@echo "Installing the pinned packages (a few minutes the first time) ..."
	@$(PY) -m pip install --quiet --upgrade-strategy only-if-needed \
		-r requirements.txt -c constraints.txt
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(PY) -m tools.environment
	@touch $@

# --- the book -------------------------------------------------------------------

# SOLUTIONS=0 leaves the solutions of the exercises out: the site of a class.
SOLUTIONS ?= 1

book: $(VENV)/.installed ## run every chapter and write _build/html (SOLUTIONS=0: _build/classroom)
	@case '$(SOLUTIONS)' in \
		1) $(PY) -m tools.build_book ;; \
		0) $(PY) -m tools.build_book --no-solutions ;; \
		*) echo "SOLUTIONS is 1 (with solutions) or 0 (without), not '$(SOLUTIONS)'." >&2; exit 2 ;; \
	esac

page: $(VENV)/.installed ## build one chapter alone: make page PAGE=chapters/NN-name.ipynb
	@test -n "$(PAGE)" || { echo "Name the page: make page PAGE=chapters/NN-name.ipynb" >&2; exit 1; }
	@$(PY) -m tools.build_book --page "$(PAGE)"

serve: $(VENV)/.installed ## show the built book at http://localhost:8000 (PORT=... to change)
	@$(PY) -m tools.serve "$(PORT)"

slides: $(VENV)/.installed ## make slides of the built book: _build/html/slides
	@$(PY) -m tools.slides

pdf: $(VENV)/.installed ## print the built book, a PDF for each page: _build/pdf
	@$(PY) -m tools.pdf

figures: $(VENV)/.installed ## pack every figure of the built book: _build/dist
	@$(PY) -m tools.packing figures

zip: $(VENV)/.installed ## pack the built book, to read without a connection: _build/dist
	@$(PY) -m tools.packing book

wheel: $(VENV)/.installed ## build the library's wheel, results included: _build/dist
	@$(PY) -m tools.wheel

reproduce: $(VENV)/.installed ## build the book twice from nothing and compare every output
	@$(PY) -m tools.reproduce

# --- assignments ------------------------------------------------------------------

assignments: $(VENV)/.installed ## make what students get, in _build/assignments
	@$(PY) -m assignments.handout

# --- checks ---------------------------------------------------------------------

test: $(VENV)/.installed ## run every check: style, types, library, notebooks, built book
	@$(PY) -m tools.run_checks

weekly: $(VENV)/.installed ## run what takes too long for every day: a class of two hundred, quick runs, JupyterLab
	@$(PY) -m tools.run_checks weekly

lint: $(VENV)/.installed ## check style, types and the state of the notebooks
	@$(PY) -m tools.run_checks lint

format: $(VENV)/.installed ## let ruff put the modules in order
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

# --- numbers that are kept in the repository ---------------------------------------

promises: $(VENV)/.installed ## run the notebooks again and renew the outputs they promise
	@$(PY) -m tools.notebooks promises

bench: $(VENV)/.installed ## measure all speeds and write results/bench.json (an hour, on an idle machine)
	@$(PY) -m experiments.bench

# What others train with comes first: rates, biases, speed. The ledger reads all others, and
# the README's figure is drawn from comparison.
EXPERIMENTS := bench speed laptop recipe_tuning bits_tuning distance_tuning caption_tuning \
	comparison ablations surface bits distance alignment sink extrapolation teacher_forcing \
	source_order probes transformer_tuning scoring_tuning scoring scoring_verdicts \
	scoring_longer scoring_speed joined_tuning joined sink_captions multi30k_tuning \
	multi30k multi30k_pairs multi30k_small live_models live_training ledger headline

results: $(VENV)/.installed ## make every result that is missing or not of today's code; goes on where it stopped
	@for name in $(EXPERIMENTS); do \
		echo "experiments.$$name"; $(PY) -m experiments.$$name || exit 1; done

constraints: ## pin what requirements.txt pulls in, in constraints.txt
	@"$(PYTHON)" -m venv --clear _build/constraints-venv
	@_build/constraints-venv/bin/python -m pip install --quiet -r requirements.txt
	@{ sed -n '/^#/p' constraints.txt; \
		_build/constraints-venv/bin/python -m pip freeze \
			--exclude pip --exclude setuptools --exclude wheel | sed 's/+[a-z0-9.]*$$//'; \
	} > _build/constraints.txt
	@mv _build/constraints.txt constraints.txt
	@rm -rf _build/constraints-venv
	@echo "Renewed constraints.txt; look at the difference before you commit it."

# --- tidying up -------------------------------------------------------------------

clean: ## remove the built book and the caches of the tools
	@rm -rf _build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -path ./$(VENV) -prune -o -type d \
		\( -name __pycache__ -o -name .ipynb_checkpoints -o -name '*.egg-info' \) \
		-prune -exec rm -rf {} +
	@echo "Removed _build and the caches. 'make distclean' removes .venv too."

distclean: clean ## remove .venv as well
	@rm -rf $(VENV)
