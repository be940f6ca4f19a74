# make lab    open the course in JupyterLab
# make test   run all tests
# make run    execute every solved lesson, and print what each concluded
# make check  look at a change in a minute (for contributors)
# Other targets are for contributors: see CONTRIBUTING.md.

# The first Python that the course runs on; `make lab PYTHON=...` names another.
PYTHON ?= $(firstword $(foreach name,python3.12 python3.11 python3.13, \
    $(shell $(name) -c "print('$(name)')" 2>/dev/null)) python3)
# ImageNet weights and photographs; `make lab REAL=` goes without them, and
# `make lab REAL=real,torch` brings PyTorch for lesson 06.
REAL ?= real
VENV := .venv
BIN := $(VENV)/bin
# Each file, or notebook, stays with one process. Three of them, of one thread,
# since on two cores they wait for browsers; the long ones come first.
AT_A_TIME := -n 3 --dist loadfile --no-loadscope-reorder
NBVAL := --nbval --nbval-cell-timeout 300
last_first = $(shell ls -r $(1)/*.ipynb)
# Where there is a browser, lesson 03 runs in it, by a test.
SOLVED := $(call last_first,solutions)
ifneq (,$(shell command -v chromium || command -v chromium-browser))
SOLVED := $(SOLVED:solutions/03_fine_tuning.ipynb=tests/notebook/test_browser_training.py)
endif

.PHONY: lab test check run test-oldest build lint constraints ledger ledger-quick data clean

lab:
	@$(PYTHON) tools/setup_venv.py $(VENV) --extras "$(REAL)"
	@$(BIN)/course lab

test test-oldest: export TF_NUM_INTRAOP_THREADS := 1
test test-oldest: export TF_NUM_INTEROP_THREADS := 1
test test-oldest: export OMP_NUM_THREADS := 1

test:
	@$(PYTHON) tools/setup_venv.py $(VENV) --extras $(REAL),test
	rm -rf build/unsolved build/solved
	$(BIN)/python -m pytest $(AT_A_TIME) $(NBVAL) \
	    $(SOLVED) $(call last_first,notebooks) \
	    $(filter-out $(SOLVED),$(wildcard tests/test_*.py tests/*/test_*.py))
	$(BIN)/python -m pytest tests/after_run.py

# Of what differs from origin/main, in a minute; LESSON=03 runs that lesson.
# The unsolved lesson ends soon, and leaves its core to the solved one.
check: export TF_NUM_INTRAOP_THREADS := $(if $(LESSON),2,1)
check: export TF_NUM_INTEROP_THREADS := 1
check:
	@$(PYTHON) tools/setup_venv.py $(VENV) --extras $(REAL),test
	@$(BIN)/python -m tools.check $(if $(LESSON),--lesson $(LESSON))

run:
	@$(PYTHON) tools/setup_venv.py $(VENV) --extras $(REAL),test
	@$(BIN)/python -m tools.run_lessons

# The oldest version of each dependency that pyproject.toml allows.
test-oldest:
	@mkdir -p build
	@$(PYTHON) tools/oldest_constraints.py > build/oldest.txt
	@$(PYTHON) tools/setup_venv.py .venv-oldest --extras $(REAL),test \
	    --constraints build/oldest.txt
	rm -rf build/unsolved
	.venv-oldest/bin/python -m pytest $(AT_A_TIME) $(NBVAL) \
	    -m "not newest" tests $(call last_first,notebooks)

# lessons/*.py -> notebooks/ and solutions/
build:
	@$(PYTHON) tools/setup_venv.py $(VENV) --extras $(REAL),test
	@$(BIN)/python tools/build_notebooks.py

lint:
	@$(PYTHON) tools/setup_venv.py $(VENV) --extras $(REAL),test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Every experiment on real ground, for hours; goes on where it was stopped.
ledger ledger-quick:
	@$(PYTHON) tools/setup_venv.py $(VENV) --extras $(REAL),torch,test
	$(BIN)/python -m benchmarks.real_ground $(if $(findstring quick,$@),--quick)
	$(BIN)/python -m benchmarks.real_ground.report

data:
	@$(PYTHON) tools/setup_venv.py $(VENV) --extras $(REAL),test
	@$(BIN)/python -m tools.make_data

# Newest versions of everything, written down after a clean installation.
constraints:
	@rm -rf .venv-newest
	@$(PYTHON) tools/setup_venv.py .venv-newest --extras $(REAL),torch,dev --constraints ""
	.venv-newest/bin/python -m pip freeze --exclude-editable | \
	    sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf build .pytest_cache .ruff_cache
