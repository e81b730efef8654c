"""A run survives anything: killed at chosen and at random moments, it ends bit for bit the same.

`make kill-test` makes the rows of Table 1 under profile smoke once undisturbed and once by
processes that get SIGKILL at the moments below, again and again, and compares all that they leave.
Beside that, several processes want the same runs at once, and `lsm reproduce` is stopped by Ctrl-C
and killed. Processes are forks of this one, so that nothing is imported twice.
"""
import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Callable

SAME = {"threads": 1, "device": "cpu"}  # the bits depend on both
os.environ.update(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="", LSM_SAVE_EVERY="0")

import cv2
import lightning_fabric, segment_anything, segmentation_models_pytorch  # noqa: for the forks
import numpy as np
from filelock import FileLock
from torch.optim.optimizer import register_optimizer_step_pre_hook

from lsm_adapter import evaluate, runs
from lsm_adapter.model import METHODS, LSMAdapter
from lsm_adapter.runs import RunSpec, ensure, ensure_all, find, plan, run_id

WANTED = [*map(RunSpec, METHODS), RunSpec("lsm_adapter_s", strategy="one-stage")]
CHEAP = [RunSpec(f"{name}_adapter_u") for name in ("sam", "lsm")] + [RunSpec("segformer")]
STEPS = 3  # of an epoch under smoke: twelve images, four at a time


def die(*_) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def halve(written: str, target: str) -> None:
    "Cut away half of a file that is about to get its name, and die."
    os.truncate(written, os.path.getsize(written) // 2)
    die()


def begin(path: str, mode: str) -> None:
    "Leave the first bytes of a file that is about to be written, and die."
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.write(file, b'{"cut')
    die()


def before(event: str, part: str, act: Callable = die, number: int = 1) -> None:
    "Act before this process does `event` to the `number`th path with this part, whoever asks."
    left = number

    def hook(seen: str, about: tuple) -> None:
        nonlocal left
        if seen != event or event == "open" and "w" not in str(about[1]):
            return
        left -= part in str(about[event == "os.rename"])  # of a renaming, the new name
        if left == 0:
            act(*about[:2])

    sys.addaudithook(hook)


def at_call(owner: object, name: str, number: int, act: Callable = die) -> None:
    "Act after the `number`th call of a function or method."
    real, calls = getattr(owner, name), []

    def counted(*arguments):
        calls.append(real(*arguments))
        return act(*arguments) if len(calls) == number else calls[-1]

    setattr(owner, name, counted)


def at_step(number: int) -> None:
    "Die before the `number`th step of an optimiser."
    acts = iter([lambda: None] * (number - 1) + [die])
    register_optimizer_step_pre_hook(lambda *_: next(acts)())


def cut_map(path: str, picture: np.ndarray) -> None:
    halve(path, path)


DATA = {
    "a scene half written": lambda id: before("open", ".png", begin, 10),
    "manifest half written": lambda id: before("os.rename", "manifest.csv", halve),
}
STAGED = {"parents finished, child not begun": lambda id: before("os.mkdir", id())}
CACHED = {
    "cache of the second stage half filled": lambda id: at_call(LSMAdapter, "embed", 4),
    "cache about to get its name": lambda id: before("os.rename", ".npy", halve),
}
MOMENTS = {  # in the order of a run's life -> what prepares the process, given the run's id
    "first step of an epoch": lambda id: at_step(STEPS + 1),
    "last step of an epoch": lambda id: at_step(STEPS),
    "state half written": lambda id: before("os.rename", "resume.pt", halve),
    "log half written": lambda id: before("open", "log.jsonl", begin),
    "weights half written": lambda id: before("os.rename", "weights.safetensors", halve),
    "weights written, state not cleared": lambda id: before("os.remove", "resume.pt"),
    "a map half written": lambda id: at_call(cv2, "imwrite", 3, cut_map),
    "histograms half written": lambda id: before("open", "histograms.npz", begin),
    "scores half written": lambda id: before("open", "scores.json", begin),
    "spec half written": lambda id: before("open", "spec.yaml", begin),
    "scored, folder not yet renamed": lambda id: before("os.rename", f"runs/{id()}"),
}


def start(home: Path, work: Callable, *arguments) -> int:
    "Do it in a process of its own, whose number is returned."
    sys.stdout.flush()
    if child := os.fork():
        return child
    code = 1
    try:
        os.environ["LSM_HOME"] = str(home)
        work(*arguments)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def end_of(child: int, seconds: float = float("inf")) -> int:
    "Exit code, or minus the signal; after so many seconds it is SIGKILL."
    end = time.monotonic() + seconds
    while not (done := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)
    return os.waitstatus_to_exitcode(done[1])


def quietly(*specs: RunSpec) -> None:
    ensure_all(specs, lambda text: None)


def finish(home: Path, *specs: RunSpec) -> None:
    "The same once more, and nobody interferes."
    os.environ["LSM_SAVE_EVERY"] = "30"
    assert end_of(start(home, quietly, *specs)) == 0, f"{specs} could not be continued"
    os.environ["LSM_SAVE_EVERY"] = "0"


def undisturbed(home: Path, seed: int) -> Counter:
    finish(home, *WANTED)
    return Counter()


def moments_of(number: int, spec: RunSpec) -> dict:
    "Where it is killed: everywhere, or at each fourth moment, those before it at the next."
    chosen = dict(list(MOMENTS.items())[number % 4 :: 4])
    if spec.method == "lsm_adapter_s":
        last = "state half written"  # nothing later would write over what that leaves
        chosen = MOMENTS if spec.two_stage else {last: MOMENTS[last]}
    first = number == 0 and DATA or spec.two_stage and STAGED or {}
    return {**first, **(CACHED if spec.two_stage and spec.method.endswith("_m") else {}), **chosen}


def killed_at(moment: Callable, spec: RunSpec) -> None:
    moment(lambda: run_id(spec))
    quietly(spec)


def at_chosen_moments(home: Path, seed: int) -> Counter:
    "One run after the other is killed, and continued by the same call, until its moments are over."
    kills = Counter()
    for number, spec in enumerate(WANTED):
        for name, moment in moments_of(number, spec).items():
            code = end_of(start(home, killed_at, moment, spec))
            assert code == -signal.SIGKILL, f"{spec.title}: {name}: ended with {code}"
            kills[name] += 1
        finish(home, spec)
    return kills


def at_random_moments(home: Path, seed: int) -> Counter:
    "One call that makes several runs is killed a dozen times, later on a slower machine."
    dice, kills, began = random.Random(seed), Counter(), time.monotonic()
    finish(home, RunSpec("all_dry"))  # draws the data: half a second when nothing else runs
    pace = 2 * (time.monotonic() - began)
    for _ in range(12):
        code = end_of(start(home, quietly, *CHEAP), dice.uniform(0.2, 2) * pace)
        assert code in (0, -signal.SIGKILL), f"continuing ended with {code}"
        kills["any moment"] += code != 0
        if code == 0:  # the kill would have come too late: from the beginning, and sooner
            shutil.rmtree(home / "runs")
            pace /= 2
    finish(home, *CHEAP)
    return kills


def note(text: str) -> None:
    with open(runs.home() / "said", "a") as file:
        file.write(f"{os.getpid()} {text}\n")


def heard(home: Path, words: str) -> int:
    "How many lines with these words have been noted."
    return (home / "said").exists() and (home / "said").read_text().count(words)


def noted(spec, folder, roles, say) -> None:
    "`perform`, when so many others are waiting, with a line to count by."
    note(f"performs {spec.title}")
    patience = time.monotonic() + 120
    while (heard(runs.home(), "waiting for it") < int(os.environ["OTHERS"])
           and time.monotonic() < patience):
        time.sleep(0.01)
    evaluate.perform(spec, folder, roles, say)


def in_a_crowd(spec: RunSpec, others: int, prepare: Callable = lambda: None) -> None:
    prepare()
    os.environ["OTHERS"] = str(others)
    runs.PERFORM = "__main__:noted"
    ensure(spec, note)


def crowd(home: Path, seed: int) -> Counter:
    "Several processes want the same at once: it is made once, also when its maker is killed."
    same = RunSpec("segformer", seed=1)
    assert [end_of(c) for c in [start(home, in_a_crowd, same, 3) for _ in range(4)]] == [0] * 4
    assert heard(home, "performs") == 1 and heard(home, "waiting for it") == 3

    other, doomed = RunSpec("segformer", seed=2), lambda: at_step(STEPS + 1)
    maker = start(home, in_a_crowd, other, 5, doomed)
    while not heard(home, f"{maker} performs"):
        time.sleep(0.01)
    heirs = [start(home, in_a_crowd, other, 5) for _ in range(2)]
    assert [end_of(c) for c in (maker, *heirs)] == [-signal.SIGKILL, 0, 0]
    assert heard(home, "performs") == 3 and heard(home, "continuing after epoch 1") == 1

    box = RunSpec("lsm_adapter_u", prompt="box", seed=1)
    siblings = [box, replace(box, prompt="point"), RunSpec("sam_adapter_u", seed=1)]
    assert [end_of(c) for c in [start(home, in_a_crowd, s, 0) for s in siblings]] == [0] * 3
    assert heard(home, "performs") == 3 + len(plan(siblings)) == 9
    return Counter({"a run that others wait for": 1})


def reproducing(home: Path) -> subprocess.Popen:
    "`lsm reproduce` for Table 1, as soon as it has trained an epoch."
    words = ["lsm", "reproduce", "--tables", "1", "--profile", "smoke"]
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # in the background it is ignored
    command = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "LSM_HOME": str(home)}, start_new_session=True,
                               preexec_fn=heed)
    if not any("epoch" in line for line in command.stdout):
        raise AssertionError(f"lsm reproduce ended before an epoch: {command.stderr.read()}")
    return command


def left_of(home: Path) -> list:
    "Processes with this home, where the system tells (Linux)."
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [path.parent.name] * (f"LSM_HOME={home}\0" in path.read_text(errors="replace"))
        except OSError:  # it has ended meanwhile, or belongs to somebody else
            pass
    return found


def nothing_left(home: Path) -> None:
    for _ in range(1200):
        if not left_of(home):
            break
        time.sleep(0.1)
    assert not left_of(home), f"processes {left_of(home)} outlive `lsm reproduce`"
    for path in (home / "runs").glob(".*.lock"):
        with FileLock(path, timeout=0):
            pass


def by_command(home: Path, seed: int) -> Counter:
    "Ctrl-C and SIGKILL for `lsm reproduce`: no process and no lock remains."
    command = reproducing(home)
    os.killpg(command.pid, signal.SIGINT)
    _, said = command.communicate(timeout=300)
    assert command.returncode == 130, f"exit code {command.returncode} after Ctrl-C; said {said!r}"
    assert "The same command continues" in said and "Traceback" not in said, said
    nothing_left(home)
    command = reproducing(home)
    command.kill()
    command.communicate(timeout=300)
    nothing_left(home)
    return Counter({"lsm reproduce": 1})


def all_that_is_left(home: Path, specs: list) -> dict:
    "What must not depend on how often a run was killed: (run, file) -> its content."
    os.environ["LSM_HOME"] = str(home)
    found = {}
    for spec in plan(specs):
        run = find(spec)
        for path in run.folder.rglob("*"):
            if path.name == "log.jsonl":
                content = [(e["epoch"], e["loss"], e["lr"]) for e in run.log()]
            elif path.name == "histograms.npz":
                content = [part.tobytes() for part in map(np.asarray, run.histograms())]
            else:
                content = path.is_file() and path.name != "provenance.json" and path.read_bytes()
            found[spec.title, path.relative_to(run.folder).as_posix()] = content
    found["unfinished", ""] = [p.name for p in (home / "runs" / ".unfinished").iterdir()]
    return found


def comparable(home: Path) -> bool:
    "Whether all of its runs were made on the CPU with one thread, as here."
    made = [json.loads(path.read_text()) for path in (home / "runs").glob("*/provenance.json")]
    return all(SAME.items() <= record.items() for record in made)


def compare(quiet: Path, killed: Path, specs: list) -> int:
    one, other = (all_that_is_left(home, specs) for home in (quiet, killed))
    different = [key for key in sorted(one | other) if one.get(key) != other.get(key)]
    assert not different, f"not as in the undisturbed run, or only in one of them: {different}"
    epochs = [[e for e, *_ in lines] for (_, name), lines in one.items() if name == "log.jsonl"]
    assert all(e == list(range(len(e))) for e in epochs) and len(epochs) == len(plan(specs))
    return len(epochs)


def call(job: tuple) -> Counter:
    work, home, seed = job
    began = time.monotonic()
    kills = work(home, seed)
    print(f"{work.__name__.replace('_', ' ')}: {time.monotonic() - began:.0f} s", flush=True)
    return kills


def main() -> None:
    parser = argparse.ArgumentParser("kill_test", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--undisturbed", type=Path,
                        help="a home that may have these runs, made on the CPU with one thread")
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch).resolve()
        jobs = [(work, scratch / work.__name__, chosen.seed) for work in (
            at_chosen_moments, undisturbed, at_random_moments, by_command, crowd)]
        if chosen.undisturbed and comparable(chosen.undisturbed):
            jobs[1] = undisturbed, chosen.undisturbed.resolve(), chosen.seed
        with multiprocessing.get_context("fork").Pool(2) as pool:
            kills = sum(pool.map(call, jobs, chunksize=1), Counter())
        homes = [home for _, home, _ in jobs]
        number = compare(homes[1], homes[0], WANTED)
        compare(homes[1], homes[2], CHEAP)
    for name, times in kills.items():
        print(f"{times:4d} × {name}")
    print(f"{sum(kills.values())} kills (seed {chosen.seed}), {number} runs: weights, scores, "
          f"histograms, maps and logs as if nothing had happened; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
