#!/usr/bin/env bash
# Tables of profile smoke through Snakemake; their runs have to be those that the plain commands make, to the last digit.
#
#   bash tools/workflow_check.sh            by --cores 2, on this machine
#   bash tools/workflow_check.sh slurm      through the queue of a SLURM (tools/slurm_localhost.sh makes one)
#
# TABLES (1) says which tables; LSM_HOME (a new folder) where data and runs are; EVERY=1 makes every run a second time by
# `ensure` and compares, and not the last one with its parents alone.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
other=$(mktemp -d)
trap 'rm -rf "$other"' EXIT
if [ -z "${LSM_HOME:-}" ]; then mkdir "$other/home"; export LSM_HOME=$other/home; fi

lsm workflow --tables "${TABLES:-1}" --profile smoke
graph=$LSM_HOME/runs/workflow/smoke/graph.yaml
how=(--cores 2)
if [ "${1:-}" = slurm ]; then
  # Without a database for accounting there is only squeue to ask; asking every few seconds suits jobs that take ten.
  how=(--executor slurm --jobs 4 --default-resources slurm_partition=main slurm_account=none --latency-wait 20
       --slurm-status-command squeue --slurm-init-seconds-before-status-checks 5 --seconds-between-status-checks 5)
fi
if ! snakemake "${how[@]}" --quiet --configfile "$graph"; then tail -n 20 "${graph%/*}"/logs/*.txt; exit 1; fi
snakemake --dry-run --cores 1 --configfile "$graph" 2>&1 | grep -q "Nothing to be done" || { echo "Snakemake would do it again."; exit 1; }

GRAPH=$graph OTHER=$other python - <<'PY'
import json
import os
from pathlib import Path

import yaml

from lsm_adapter.runs import ensure_all, find
from lsm_adapter.workflow import spec_from

graph = Path(os.environ["GRAPH"])
names = list(yaml.safe_load(graph.read_text())["runs"])
specs = {name: spec_from(yaml.safe_load((graph.parent / "runs" / f"{name}.yaml").read_text())) for name in names}
made = {name: find(spec) for name, spec in specs.items()}  # where `ensure` and the notebooks look
for name, run in made.items():
    assert run is not None and run.id == name, f"{name} is not among the finished runs"
    assert json.loads((graph.parent / "scores" / f"{name}.json").read_text()) == run.scores(), name
os.environ["LSM_HOME"] = os.environ["OTHER"]
again = ensure_all(list(specs.values()) if os.environ.get("EVERY") == "1" else list(specs.values())[-1:], lambda text: None)
for spec, run in again.items():
    assert run.folder != made[run.id].folder and run.scores() == made[run.id].scores(), f"{run.id} came out differently"
print(f"{len(names)} runs by Snakemake; {len(again)} made again by ensure have the same names and the same scores.")
PY
