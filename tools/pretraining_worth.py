"""What the pretraining of nano is worth: methods with its weights and with random ones, in one table.

    python tools/pretraining_worth.py                                                     profile smoke, a minute; means nothing
    python tools/pretraining_worth.py demo uw_synth sam_adapter 0
    python tools/pretraining_worth.py photographs path/to/flood_area sam_adapter "0 1 2"
    python tools/pretraining_worth.py photographs path/to/flood_area lsm_adapter_s 0

The random weights are put into a file in the place of the package's. A run's name holds the SHA-256 of its SAM, so the two
kinds never meet. Finished runs are found again; Ctrl-C stops, and the same command continues. Each call adds its lines
to pretraining_worth.csv in the results folder of the data.
"""
import sys
from unittest.mock import patch

import pandas as pd

from lsm_adapter.metrics import mean_interval
from lsm_adapter.pretraining import save_sam
from lsm_adapter.report import results_folder, seed_list, write_text
from lsm_adapter.runs import RunSpec, ensure_all, home, sam_weights
from lsm_adapter.sam import build_sam


def scores_with(weights, specs: list, kind: str) -> list:
    "F1 of every run, per cent, with these weights of the large model."
    with patch("lsm_adapter.runs.sam_weights", lambda profile: weights), patch("lsm_adapter.train.sam_weights", lambda profile: weights):
        made = ensure_all(specs)
        return [{"method": spec.method, "profile": spec.profile, "seed": spec.seed, "weights": kind, "split": split,
                 "f1": 100 * value["f1"], "run": made[spec].id}
                for spec in specs for split, value in made[spec].scores().items() if split in ("all", "hard")]


def main(profile: str = "smoke", data: str = "uw_synth", method: str = "sam_adapter", seeds: str = "0") -> None:
    "Both kinds of weights, seed by seed."
    random = home() / "weights" / "nano_random.safetensors"
    random.parent.mkdir(parents=True, exist_ok=True)
    save_sam(build_sam("nano", pretrained=False), random)
    specs = [RunSpec(method, profile, data, seed) for seed in seed_list(seeds)]
    lines = scores_with(sam_weights(profile), specs, "pretrained") + scores_with(random, specs, "random")
    path = results_folder(profile, data) / "pretraining_worth.csv"
    old = pd.read_csv(path) if path.exists() else pd.DataFrame()
    found = pd.concat([old, pd.DataFrame(lines)]).drop_duplicates(["run", "split"], keep="last")
    write_text(path, found.to_csv(index=False, lineterminator="\n", float_format="%.4f"))
    wide = pd.DataFrame(lines).pivot(index=["split", "seed"], columns="weights", values="f1")
    wide["difference"] = wide["pretrained"] - wide["random"]
    print(wide.round(2).to_string())
    for split, part in wide.groupby("split"):
        if len(part) > 1:
            low, high = mean_interval(part["difference"])
            print(f"{split}: {part['difference'].mean():+.2f} [{low:+.2f}, {high:+.2f}], 95 % over {len(part)} trainings (Student's t)")


if __name__ == "__main__":
    main(*sys.argv[1:])
