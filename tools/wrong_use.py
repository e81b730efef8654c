"Wrong use of the `lsm` command gives one sentence on stderr, no traceback, and exit code 2."
import subprocess
import sys
import tempfile
from pathlib import Path

SCRATCH = tempfile.TemporaryDirectory()  # nothing is fetched into the project
PAGE, TO = Path(SCRATCH.name) / "page.pth", Path(SCRATCH.name) / "to"
PAGE.write_text("<!DOCTYPE html>\n<title>Please log in</title>")
TEXT, EMPTY = Path(SCRATCH.name) / "street.mp4", Path(SCRATCH.name) / "empty"
TEXT.write_text("not a video")
EMPTY.mkdir()
UNFINISHED = Path(SCRATCH.name) / ".unfinished" / "sinet-0123456789"
UNFINISHED.mkdir(parents=True)
(UNFINISHED / "resume.pt").touch()
GONE = Path(SCRATCH.name) / "gone"  # a manifest whose files are not there any more
GONE.mkdir()
(GONE / "manifest.csv").write_text(
    "id,image,mask,split,tags,width,height,image_sha256,mask_sha256\n"
    f"a,a.jpg,a.png,test,,8,8,{'0' * 64},{'0' * 64}\n")
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
    (["scan", "no/such/folder"], "no/such/folder"),
    (["scan", EMPTY], "empty"),
    (["scan", GONE], "are gone"),
    (["scan", EMPTY, "--layout", "voc"], "voc"),
    (["synth", TEXT], "street.mp4"),
    (["train", "--method", "sinet", "--profile", "photographs", "--data", GONE], "are gone"),
    (["train", "--method", "resnet"], "resnet"),
    (["evaluate", "no-such-run", "no/such/folder"], "no-such-run"),
    (["evaluate", UNFINISHED, EMPTY], "is not finished"),
    (["predict", "no-such-run", TEXT, "--out", TO], "is not a video"),
    (["predict", "no-such-run", "no/such/folder", "--out", TO], "no/such/folder"),
    (["predict", UNFINISHED, PAGE.parent / "page.jpg", "--out", TO], "page.jpg"),
    (["predict", "no-such-run", EMPTY, "--watch", "--out", TO], "no-such-run"),
    (["predict", "no-such-run", "rtsp://nowhere", "--region", "0,0 1,1", "--out", TO], "2 corners"),
    (["predict", "no-such-run", TEXT, "--rules", "wet=1", "--out", TO], "no rule 'wet'"),
    (["export", "no-such-run", PAGE], "no-such-run"),
    (["report", "no/such.csv"], "no/such.csv"),
    (["report", PAGE], "page.pth"),
    (["doctor", "--fast"], "--speed"),
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
