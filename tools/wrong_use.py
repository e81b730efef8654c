"Wrong use of the `lsm` command gives one sentence on stderr, no traceback, and exit code 2."
import subprocess
import sys
import tempfile
from pathlib import Path

SCRATCH = tempfile.TemporaryDirectory()  # nothing is fetched into the project
PAGE, TO = Path(SCRATCH.name) / "page.pth", Path(SCRATCH.name) / "to"
PAGE.write_text("<!DOCTYPE html>\n<title>Please log in</title>")
WRONG = [
    (["reproduce", "--profile", "huge"], "huge"),
    (["reproduce", "--tables", "9"], "Table 9"),
    (["reproduce", "--tables", "8", "--data", "."], "--cod and --istd"),
    (["reproduce", "--tables", "8", "--profile", "smoke", "--istd", "no/such"], "no/such"),
    (["reproduce", "--tables", "8", "--profile", "paper"], "folder of images and masks"),
    (["reproduce", "--data", "no/such/folder", "--profile", "smoke"], "no/such/folder"),
    (["reproduce", "--profile", "paper"], "folder of images and masks"),
    (["reproduce", "--seeds", "one"], "seeds"),
    (["fetch"], "name"),
    (["fetch", "vit_x"], "vit_b, vit_l, vit_h"),
    (["fetch", "vit_b", "--from", "no/such.pth", "--to", TO], "no/such.pth does not exist"),
    (["fetch", "vit_b", "--from", PAGE, "--to", TO], "is a web page"),
    (["fly"], "fly"),
]
for words, expected in WRONG:
    words = [str(word) for word in words]
    done = subprocess.run(["lsm", *words], capture_output=True, text=True)
    said = done.stderr.strip()
    if done.returncode != 2 or expected not in said or "Traceback" in said:
        sys.exit(f"lsm {' '.join(words)}: exit code {done.returncode}, said {said!r}; "
                 f"expected exit code 2 and a sentence with {expected!r}")
    print(f"lsm {' '.join(words)}\n  → {said.splitlines()[-1]}")
