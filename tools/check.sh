#!/usr/bin/env bash
# What `make test` and continuous integration check. It changes nothing in a clean checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # one thread each for the two workers below
home=$(mktemp -d)                            # data and runs of the tests go here
trap 'rm -rf "$home"' EXIT

say() { printf '\n== %s\n' "$1"; }
code="nbs lsm_adapter setup.py pyproject.toml README.md"
clean() { [ -z "$(git status --porcelain -uno -- $code)" ]; }
same() { # the command before must not have changed a tracked file
  clean && return
  git --no-pager diff --stat -- $code
  echo "Not clean after $1: run it, look at the change, and commit."
  exit 1
}

if [ "${CI:-}" = true ] || clean; then
  say "package and notebooks agree, notebooks are clean"
  nbdev_export
  same nbdev_export
  nbdev_clean
  same nbdev_clean
else
  say "uncommitted changes: exporting, without checking that package and notebooks agreed"
  nbdev_export
fi

say "every module notebook runs (nbs/reproduce is for papermill, below)"
wanted=$(ls nbs/[0-9]*.ipynb nbs/index.ipynb nbs/explore_prompts.ipynb | wc -l)
LSM_HOME=$home nbdev_test --path nbs --do_print --n_workers 2 --timing 2>&1 | tee "$home/log"
ran=$(grep -c '^- Completed' "$home/log" || true)
if [ "$ran" -ne "$wanted" ]; then echo "$ran of $wanted notebooks ran"; exit 1; fi

say "the encoder equals segment_anything's at 1024 pixels (slow cells of 05_sam)"
OMP_NUM_THREADS=2 nbdev_test --path nbs/05_sam.ipynb --flags slow

say "Table 1 by Snakemake; the commands below find its runs"
if command -v snakemake > /dev/null; then
  LSM_HOME=$home bash tools/workflow_check.sh
else
  echo "Skipped: there is no snakemake for this Python (it needs 3.11)."
fi

say "the notebooks that reproduce run by papermill, profile smoke"
LSM_HOME=$home lsm reproduce --tables all --profile smoke
LSM_HOME=$home lsm reproduce --tables "choices photographs nano prompts" --profile smoke # not part of all
# Two by papermill alone, without the strict runner of `lsm reproduce`.
for name in table1 run; do
  LSM_HOME=$home papermill "nbs/reproduce/$name.ipynb" "$home/$name.ipynb" -p profile smoke --no-progress-bar
done

say "the page of results, looked at in a browser if there is one"
LSM_HOME=$home python tools/browser_check.py results/smoke/report.html

say "the prompt inspector in JupyterLab, by mouse, if there is a browser"
LSM_HOME=$home/untrained python tools/widget_check.py # which answers every knob, whatever a smoke run has learned

say "lsm predict on drawn cameras: a row for each frame, the scores of its pictures, flat memory"
LSM_HOME=$home python tools/predict_check.py "$(ls -d "$home"/runs/lsm_adapter_s-* | head -n 1)" 20 12 300

say "runs that are killed at any moment end bit for bit the same"
python tools/kill_test.py --undisturbed "$home"

say "results/*.md are what the notebooks write now"
rm -f results/smoke/{paper_*,open_choices.md} # under smoke nothing that is kept changes; pictures may differ between versions
LSM_HOME=$home papermill nbs/reproduce/paper.ipynb "$home/paper.ipynb" -p profile smoke --no-progress-bar
for name in paper_audit.csv paper_audit.md paper_to_code.md open_choices.md; do
  cmp "results/smoke/$name" "results/$name" && continue
  echo "Run papermill nbs/reproduce/paper.ipynb - -p profile demo > /dev/null, look at the change, and commit it."
  exit 1
done

reproduced=$(ls "$home"/runs/notebooks/smoke/*.ipynb "$home"/{run,paper}.ipynb | xargs -n 1 basename | sort -u | wc -l)
if [ "$reproduced" -ne "$(ls nbs/reproduce/*.ipynb | wc -l)" ]; then echo "only $reproduced notebooks of nbs/reproduce ran"; exit 1; fi

say "wrong use of the command is one sentence and exit code 2"
python tools/wrong_use.py

say "README.md comes from the index"
python tools/readme.py --check

say "the notebooks as a site: every link and equation, and a look in a browser if there is one"
python tools/docs.py --check

say "the wheel installs and imports in a clean environment"
bash tools/wheel.sh "$home"

echo
echo "$((ran + reproduced + 11)) passed, 0 failed"
