"""Train every method of Table 1 for a few steps at the paper's size and write what they cost.

`make gpu-smoke` runs it on a CUDA device: ViT-B (random weights), 1024², batch 2, 20 steps, in
float32 and with bfloat16 autocast, on UW-Synth drawn at that size. Seconds per step are the
median after the first two; memory is the peak that PyTorch allocated. A prompted row is its
second stage without the cache: encoder and small model run in every step.
"""
import argparse
import contextlib
import gc
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch

from lsm_adapter.data import SegmentationData, loader
from lsm_adapter.model import METHODS, build_method
from lsm_adapter.report import to_markdown, write_text
from lsm_adapter.runs import Schedule, project_root, provenance
from lsm_adapter.synthetic import make_uw_synth
from lsm_adapter.train import make_optimiser

PRECISIONS = {"fp32": None, "bf16": torch.bfloat16}


def arguments() -> argparse.Namespace:
    show = argparse.ArgumentDefaultsHelpFormatter
    parser = argparse.ArgumentParser("gpu_smoke", description=__doc__, formatter_class=show)
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to see that it runs")
    parser.add_argument("--sam", default="vit_b", help="vit_b, vit_l, vit_h or nano")
    parser.add_argument("--image-size", type=int, default=1024, help="side of the input, pixels")
    parser.add_argument("--small-size", type=int, help="side of the small models' input; "
                                                       "None: their native one")
    parser.add_argument("--batch", type=int, default=2, help="images per step")
    parser.add_argument("--steps", type=int, default=20, help="steps of each method, 3 or more")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), help="rows of Table 1")
    parser.add_argument("--out", type=Path, default=project_root() / "results" / "benchmarks")
    return parser.parse_args()


def batches(folder: Path, a: argparse.Namespace) -> list:
    scenes = make_uw_synth(folder, 2 * a.batch, 1, size=(a.image_size, a.image_size), seed=0)
    data = SegmentationData(scenes.subset("train"), a.image_size)
    rows = [[(i + k, False) for i in range(a.batch)] for k in (0, a.batch)]
    return [{k: v.to(a.device) for k, v in b.items()} for b in loader(data, rows)]


def train_steps(name: str, precision: str, a: argparse.Namespace, data: list) -> dict:
    "Loss, seconds per step and peak memory of a few steps."
    cuda, seconds, losses = a.device == "cuda", [], []
    model = build_method(name, a.sam, image_size=a.image_size, small_size=a.small_size)
    model = model.to(a.device).train()
    optimiser = make_optimiser(model, Schedule(1, a.batch, 1e-4))
    kind = PRECISIONS[precision]
    for step in range(a.steps):
        began, batch = time.perf_counter(), data[step % len(data)]
        with torch.autocast(a.device, kind) if kind else contextlib.nullcontext():
            loss = model.training_loss(batch["image"], batch["mask"])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())  # waits for the device
        seconds.append(time.perf_counter() - began)
    peak = torch.cuda.max_memory_allocated() / 2**30 if cuda else float("nan")
    return {"seconds_per_step": statistics.median(seconds[2:]), "peak_GiB": peak,
            "first_loss": losses[0], "last_loss": losses[-1]}


def measure(name: str, precision: str, a: argparse.Namespace, data: list) -> dict:
    "One row of the table; running out of memory is a result, not an accident."
    row = {"method": METHODS[name].title, "precision": precision, "note": ""}
    gc.collect()
    if a.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        row |= train_steps(name, precision, a, data)
        finite = all(map(torch.isfinite, map(torch.tensor, (row["first_loss"], row["last_loss"]))))
        row["note"] = "" if finite else "the loss is not finite"
    except torch.OutOfMemoryError:
        row["note"] = "out of memory"
    except RuntimeError as error:
        row["note"] = f"failed: {str(error).splitlines()[0][:80]}"
    return row


def write(rows: list, a: argparse.Namespace) -> None:
    facts = provenance()
    frame = pd.DataFrame(rows).assign(sam=a.sam, image_size=a.image_size, batch=a.batch,
                                      steps=a.steps, device=facts["device"], torch=facts["torch"])
    write_text(a.out / "gpu_smoke.csv", frame.to_csv(index=False, lineterminator="\n"))
    text = frame.map(lambda v: f"{v:.3f}" if isinstance(v, float) else v).set_index("method")
    write_text(a.out / "gpu_smoke.md", f"# Training steps at full size\n\n{to_markdown(text)}\n")


def main() -> int:
    a = arguments()
    if a.device == "cuda" and not torch.cuda.is_available():
        print("gpu_smoke: there is no CUDA device here; run it on one, or see that it runs with "
              "--device cpu --sam nano --image-size 64 --small-size 64 --steps 3.", file=sys.stderr)
        return 2
    a.out.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data = batches(Path(folder) / "scenes", a)
        for name in a.methods:
            for precision in PRECISIONS:
                rows.append(measure(name, precision, a, data))
                write(rows, a)  # so that a killed run leaves what it measured
                print("  ".join(f"{v:.3f}" if isinstance(v, float) else str(v)
                                for v in rows[-1].values()), flush=True)
    return 1 if any(row["note"] not in ("", "out of memory") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
