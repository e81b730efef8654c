"""Open the prompt inspector in JupyterLab, in a real browser, and turn its knobs with the mouse.

python tools/widget_check.py [NOTEBOOK] [--shots FOLDER]

A copy of the notebook is run; tau and the threshold are dragged, the kind of prompt is changed, a prompt
is switched off and on again, and each time the picture and the score have to follow. Screenshots by day
and by night are kept. Where there is no browser this is said in one sentence, and the exit code is 0.
"""
import argparse
import base64
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from browser_check import Tab, find_browser, start

ROOT = Path(__file__).resolve().parent.parent
NEEDED = {"websocket": "websocket-client", "jupyterlab": "jupyterlab", "ipywidgets": "ipywidgets",
          "jupyterlab_widgets": "jupyterlab_widgets"}  # module -> name of the package
QUIET = ("--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root", "--LabApp.news_url=None",
         "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
         "--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True")
FAILED = """(() => { for (const page of jupyterapp.shell.widgets('main'))
  for (const cell of page.content?.model?.cells ?? [])
    for (let i = 0; i < (cell.outputs?.length ?? 0); i++)
      if (cell.outputs.get(i).type === 'error') return cell.outputs.get(i).toJSON().ename + ': ' + cell.outputs.get(i).toJSON().evalue;
})()"""
# What a person sees of the inspector: a number for each picture's pixels, the words, and where things are.
SEEN = r"""(() => {
  const root = document.querySelector('.lsm-inspector');
  if (!root || !root.querySelector('table td')) return null;
  const pictures = {}, words = {};
  for (const frame of root.querySelectorAll('[class*=lsm-picture-]')) {
    const name = [...frame.classList].find(c => c.startsWith('lsm-picture-')).slice(12);
    const image = frame.querySelector('img'), canvas = document.createElement('canvas');
    if (!image.complete || !image.naturalWidth) return null;
    canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
    const pen = canvas.getContext('2d'); pen.drawImage(image, 0, 0);
    let sum = 2166136261;
    for (const v of pen.getImageData(0, 0, canvas.width, canvas.height).data) sum = Math.imul(sum ^ v, 16777619);
    pictures[name] = sum; words[name] = frame.innerText.trim();
  }
  const tables = [...root.querySelectorAll('table')];
  const rows = tables[0].querySelectorAll('tr');
  return {pictures, words, score: rows[1].innerText, alone: rows[2]?.innerText, weights: tables[1].innerText};
})()"""
WRONG = r"""(() => {
  const root = document.querySelector('.lsm-inspector'), wrong = [];
  const parse = s => { const v = s.match(/[\d.]+/g).map(Number); return v.length > 3 ? v : [...v, 1]; };
  const light = c => c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c[3] === 1) return c; } return [255, 255, 255]; };
  const right = root.getBoundingClientRect().right;
  for (const e of root.querySelectorAll('*')) {
    const box = e.getBoundingClientRect();
    if (!box.width || e.closest('select') || e.closest('[disabled]')) continue;
    if (box.right > right + 1) wrong.push(`wider than the cell: ${e.tagName}.${e.className}`);
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth) wrong.push('spills: ' + e.textContent.trim());
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) wrong.push(`faint (${ratio.toFixed(1)} to 1): ${e.textContent.trim()}`);
  }
  return [...new Set(wrong)];
})()"""


def jupyter(folder: Path) -> tuple:
    "A JupyterLab of its own, without anybody's settings; the process and its address with the token."
    token, places = secrets.token_hex(16), {}
    for kind in ("CONFIG", "DATA", "RUNTIME"):
        places[f"JUPYTER_{kind}_DIR"] = str(folder / kind.lower())
    for kind in ("SETTINGS", "WORKSPACES"):
        places[f"JUPYTERLAB_{kind}_DIR"] = str(folder / kind.lower())
    asks = folder / "settings" / "@jupyterlab" / "apputils-extension"
    asks.mkdir(parents=True)  # otherwise it asks whether it may fetch news
    (asks / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    command = [sys.executable, "-m", "jupyterlab", *QUIET, f"--IdentityProvider.token={token}",
               f"--ServerApp.root_dir={folder / 'work'}"]
    with open(folder / "lab.log", "w") as log:
        process = subprocess.Popen(command, env={**os.environ, **places}, stdout=log, stderr=log)
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        for path in (folder / "runtime").glob("jpserver-*.json"):
            try:
                return process, json.loads(path.read_text())["url"], token
            except json.JSONDecodeError:  # half written
                pass
        time.sleep(0.2)
    process.kill()
    sys.exit(f"JupyterLab did not start: {(folder / 'lab.log').read_text()[-800:]}")


def stop(process: subprocess.Popen) -> None:
    "Ask a process to end, and end it if it does not."
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()


class Hand:
    "Somebody at the screen, with a mouse."

    def __init__(self, tab: Tab, shots: Path):
        self.tab, self.shots = tab, shots

    def js(self, expression: str):
        "The value of an expression in the page; a promise is waited for."
        answer = self.tab.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            sys.exit(f"The check itself failed: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression: str, what: str, seconds: float = 120) -> None:
        "Wait until an expression is true; a cell that fails is an end, too."
        end = time.monotonic() + seconds
        while not self.js(f"Boolean({expression})"):
            if failed := self.js(f"window.jupyterapp && {FAILED}"):
                sys.exit(f"A cell of the notebook failed: {failed}")
            if time.monotonic() > end:
                self.shot("gave-up")
                sys.exit(f"Waited {seconds:.0f} seconds for {what}; see {self.shots}/widgets-gave-up.png.")
            time.sleep(0.2)

    def seen(self, before=None, seconds: float = 30) -> dict:
        "What is on the screen once it rests; given what was there before, once it is something else."
        end, last = time.monotonic() + seconds, None
        while time.monotonic() < end:
            now = self.js(SEEN)
            if now is not None and now == last and now != before:
                return now
            last = now
            time.sleep(0.4)
        return last

    def mouse(self, kind: str, x: float, y: float) -> None:
        self.tab.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1,
                     buttons=0 if kind == "mouseReleased" else 1)

    def place(self, css: str, share: float = 0.5) -> tuple:
        "A point of an element on the screen."
        self.js(f"document.querySelector({css!r}).scrollIntoView({{block: 'nearest'}})")
        x, y, w, h = self.js(f"(() => {{ const b = document.querySelector({css!r}).getBoundingClientRect();"
                             "return [b.x, b.y, b.width, b.height]; })()")
        return x + share * w, y + h / 2

    def click(self, css: str) -> None:
        at = self.place(css)
        self.mouse("mousePressed", *at), self.mouse("mouseReleased", *at)

    def drag(self, knob: str, share: float) -> str:
        "Drag a slider's handle to a share of its track; what its readout says."
        (x, y), (goal, _) = self.place(f"{knob} .noUi-handle"), self.place(f"{knob} .noUi-base", share)
        self.mouse("mousePressed", x, y)
        for step in range(1, 9):
            self.mouse("mouseMoved", x + (goal - x) * step / 8, y)
        self.mouse("mouseReleased", goal, y)
        return self.js(f"document.querySelector('{knob} .widget-readout').innerText")

    def shot(self, name: str) -> None:
        data = self.tab.ask("Page.captureScreenshot")["data"]
        (self.shots / f"widgets-{name}.png").write_bytes(base64.b64decode(data))


def open_notebook(hand: Hand, address: str, name: str) -> dict:
    "Open a notebook in JupyterLab, run it, and bring the inspector into view."
    hand.tab.ask("Page.navigate", url=address)
    hand.until("window.jupyterapp && [...jupyterapp.shell.widgets('main')].some("
               "w => w.sessionContext?.session?.kernel?.status === 'idle')", f"{name} and its kernel")
    hand.click(".jp-Notebook .jp-Cell")  # commands are for the notebook that has the focus
    hand.js("jupyterapp.commands.execute('application:toggle-left-area').then(() => true)")
    hand.js("jupyterapp.commands.execute('notebook:run-all-cells'), true")
    hand.until("document.querySelector('.lsm-inspector img')", "the inspector to appear", 300)
    hand.js("document.querySelector('.lsm-inspector').scrollIntoView()")
    return hand.seen()


def follow(hand: Hand, what: str, before: dict, must: tuple) -> dict:
    "After a knob was turned: which pictures changed, and whether those did that had to."
    now = hand.seen(before)
    changed = {name for name in before["pictures"] if now["pictures"][name] != before["pictures"][name]}
    changed |= {name for name in ("score", "alone", "weights") if now[name] != before[name]}
    print(f"{what}: {', '.join(sorted(changed)) or 'nothing'} changed; {now['score'].strip()}", flush=True)
    if missing := set(must) - changed:
        hand.shot("gave-up")
        sys.exit(f"{what}, but {' and '.join(sorted(missing))} did not change; see {hand.shots}.")
    return now


def turn_all(hand: Hand, first: dict) -> None:
    "Every knob once, by mouse."
    hand.drag(".lsm-threshold", 0.3)
    now = follow(hand, "threshold dragged", first, ("answer", "score"))
    hand.shot("threshold")
    hand.drag(".lsm-threshold", 0.5)
    now = follow(hand, "threshold dragged back", now, ("answer", "score"))
    hand.click(".lsm-kind button:nth-of-type(3)")
    now, scores = follow(hand, "prompt: point", now, ("prompt", "answer")), set()
    for share in (0.97, 0.03):  # whatever the map is like, one of them makes other points
        told = hand.drag(".lsm-tau", share)
        now = follow(hand, f"τ dragged to {told}", now, ("small",))
        scores.add(now["score"])
    hand.shot("points")
    if len(scores) < 2:
        sys.exit("τ made no difference to the score.")
    hand.click(".lsm-kind button:nth-of-type(2)")
    now = follow(hand, "prompt: box", now, ("prompt",))
    hand.click(".lsm-kind button:nth-of-type(1)")
    whole = follow(hand, "prompt: mask", now, ("prompt",))
    for name, must in (("spatial", ("prompt", "answer", "score", "weights")),
                       ("semantic", ("answer", "weights")), ("style", ("answer", "weights"))):
        hand.click(f".lsm-{name} input")
        now = follow(hand, f"{name} prompt off", whole, must)
        hand.shot(f"{name}-off")
        hand.click(f".lsm-{name} input")
        if hand.seen(now) != whole:
            sys.exit(f"Switched on again, the {name} prompt did not bring the same pictures back.")


def appearance(hand: Hand) -> list:
    "What is wrong with how it looks, by day and by night, on a wide and on a narrow screen."
    found = []
    for theme in ("Light", "Dark"):
        hand.js(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})"
                ".then(() => true)")
        for size, width in (("wide", 1400), ("narrow", 800)):
            hand.tab.ask("Emulation.setDeviceMetricsOverride", width=width, height=1000, mobile=False,
                         deviceScaleFactor=1)
            time.sleep(1)
            hand.js("document.querySelector('.lsm-inspector').scrollIntoView()")
            hand.shot(f"{size}-{theme.lower()}")
            found += [f"{size}, {theme.lower()}: {text}" for text in hand.js(WRONG)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path, nargs="?", default=ROOT / "nbs" / "explore_prompts.ipynb")
    parser.add_argument("--shots", type=Path, default=ROOT / "tests" / "output", help="where pictures go")
    arguments = parser.parse_args()
    notebook, browser = arguments.notebook, find_browser()
    if not notebook.is_file():
        sys.exit(f"There is no notebook {notebook}.")
    if missing := [package for module, package in NEEDED.items() if find_spec(module) is None]:
        return print(f"Skipped: {missing[0]} is not installed.")
    if browser is None:
        return print("Skipped: no browser was found; set CHROMIUM to one, or install chromium.")
    arguments.shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        work = Path(folder) / "work"
        work.mkdir()
        shutil.copy(notebook, work)  # JupyterLab saves what it has open
        lab, url, token = jupyter(Path(folder))
        try:
            process, address = start(browser, folder)
            try:
                hand = Hand(Tab(address), arguments.shots)
                hand.tab.ask("Page.enable")
                hand.tab.ask("Emulation.setFocusEmulationEnabled", enabled=True)
                hand.tab.ask("Emulation.setDeviceMetricsOverride", width=1400, height=1000, mobile=False,
                             deviceScaleFactor=1)
                first = open_notebook(hand, f"{url}lab/tree/{notebook.name}?token={token}&reset", notebook.name)
                print(f"{notebook.name} ran: {len(first['pictures'])} pictures; {first['score'].strip()}")
                turn_all(hand, first)
                wrong = appearance(hand)
            finally:
                stop(process)
        finally:
            stop(lab)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"The inspector follows its knobs; pictures of it: {arguments.shots}")


if __name__ == "__main__":
    main()
