# Two commands: `make reproduce` and `make test`. Each prepares its own environment in .venv.
#
#   make reproduce                      demo: Tables 1 and 4, Figures 6 and 7, into results/demo
#   make reproduce PROFILE=smoke        the same in two minutes, to see that everything runs
#   make reproduce TABLES=all           all eight tables and Figures 5 to 7
#   make plan TABLES=all                which runs that needs and how long it takes; starts nothing
#   make reproduce TABLES=1 DATA=folder the same rows on your own images and masks
#   make test                           everything that continuous integration checks
#   make report-check                   look at the page of results in a browser, with nobody looking
#   make widgets-check                  the prompt inspector in a browser, moved by a script
#   make slurm-test                     Table 1 under smoke through the queue of a SLURM
#   make kill-test                      kills runs at every moment; what comes out stays the same
#   make lab                            JupyterLab on the notebooks
#   make docs                           the notebooks as plain pages in _docs, to read without a network
#   make gpu-smoke                      twenty steps of every method at full size, on a CUDA device
#   make readme / make pictures         regenerate README.md / the pictures kept in the notebooks

PYTHON  ?= python3
VENV    ?= .venv
PROFILE ?= demo
TABLES  ?= 1 4
SEEDS   ?= 0
DATA    ?=
COD     ?=
ISTD    ?=
BIN     := $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)

reproduce: $(VENV)/installed
	$(BIN)/lsm reproduce --tables "$(TABLES)" --profile "$(PROFILE)" --seeds "$(SEEDS)" $(if $(DATA),--data "$(DATA)") $(if $(COD),--cod "$(COD)") $(if $(ISTD),--istd "$(ISTD)")

plan: $(VENV)/installed
	$(BIN)/lsm reproduce --plan --tables "$(TABLES)" --profile "$(PROFILE)" --seeds "$(SEEDS)" $(if $(DATA),--data "$(DATA)") $(if $(COD),--cod "$(COD)") $(if $(ISTD),--istd "$(ISTD)")

test: $(VENV)/installed
	bash tools/check.sh

report-check: $(VENV)/installed
	$(BIN)/lsm reproduce --tables report --profile "$(PROFILE)"
	$(BIN)/python tools/browser_check.py results/$(PROFILE)/report.html

widgets-check: $(VENV)/installed
	$(BIN)/python tools/widget_check.py

slurm-test: $(VENV)/installed
	$(BIN)/python -c "import shutil, sys; shutil.which('squeue') or sys.exit('There is no SLURM here; bash tools/slurm_localhost.sh sets one up.')"
	bash tools/workflow_check.sh slurm

kill-test: $(VENV)/installed
	$(BIN)/python tools/kill_test.py

lab: $(VENV)/installed
	$(BIN)/jupyter lab nbs

docs: $(VENV)/installed
	$(BIN)/python tools/docs.py

gpu-smoke: $(VENV)/installed
	$(BIN)/python tools/gpu_smoke.py

readme: $(VENV)/installed
	$(BIN)/python tools/readme.py

pictures: $(VENV)/installed
	$(BIN)/python tools/pictures.py nbs/[0-9]*.ipynb

$(VENV)/installed: setup.py settings.ini constraints.txt
	$(PYTHON) tools/python_version.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "Installing (about 6 GB; torch and torchvision as a matched pair). This takes a few minutes once."
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[notebooks,dev,cluster]"
	touch $@

.PHONY: reproduce plan test slurm-test kill-test report-check lab docs widgets-check gpu-smoke readme pictures
