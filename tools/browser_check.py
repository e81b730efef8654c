"""Open a report.html in a real browser, with nobody looking, and see what a reader would see.

python tools/browser_check.py results/smoke/report.html [--shots FOLDER]

Wide and narrow, by day and by night: every table and picture has a size, no text fades into its
background, the page is not wider than the screen, the console is silent and nothing is loaded.
Where there is no browser this is said in one sentence, and the exit code is 0.
"""
import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0")
SIZES = {"desktop": (1280, 900, 1), "phone": (390, 844, 1)}  # width, height, pixels of a picture for each of the page
LOOK = r"""(() => {
  document.querySelectorAll('details').forEach(d => d.open = true);
  const seen = e => { const b = e.getBoundingClientRect(); return b.width > 0 && b.height > 0; };
  const name = e => e.id || e.caption?.id || e.alt || e.closest('[id]')?.id || e.tagName;
  const all = (css) => [...document.querySelectorAll(css)];
  const wrong = all('table, img, svg, h2, caption').filter(e => !seen(e)).map(e => 'not visible: ' + name(e));
  all('img').filter(e => !e.naturalWidth).forEach(e => wrong.push('no picture: ' + name(e)));
  all('table').filter(e => !e.querySelector('tbody td')).forEach(e => wrong.push('empty: ' + name(e)));
  for (const e of all('th, td')) {
    const range = document.createRange(); range.selectNodeContents(e);
    if (range.getBoundingClientRect().right > e.getBoundingClientRect().right + 1)
      wrong.push('spills over its cell: ' + e.textContent.trim().replace(/\s+/g, ' ').slice(0, 60));
  }
  const wide = document.documentElement.scrollWidth, screen = innerWidth;
  if (wide > screen) wrong.push(`the page is ${wide} wide on a screen of ${screen}`);
  const parse = s => { const v = s.match(/[\d.]+/g).map(Number); return v.length > 3 ? v : [...v, 1]; };
  const light = c => c.slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c[3] === 1) return c; } return [255, 255, 255]; };
  const faint = new Set();
  for (const e of all('body *')) {
    if (!seen(e) || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faint.add(`faint (${ratio.toFixed(1)} to 1): ${e.tagName}.${e.className}`);
  }
  return {wrong: [...wrong, ...faint], tables: all('table').length, pictures: all('img').length,
          drawings: all('svg').length, height: document.documentElement.scrollHeight};
})()"""


class Tab:
    "One tab of a browser, spoken to by Chrome's own protocol."

    def __init__(self, address: str):
        from websocket import create_connection
        self.socket = create_connection(address, timeout=60, suppress_origin=True)
        self.number, self.events = 0, []

    def ask(self, method: str, **parameters) -> dict:
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while (answer := json.loads(self.socket.recv())).get("id") != self.number:
            self.events.append(answer)
        if "error" in answer:
            sys.exit(f"The browser refused {method}: {answer['error']['message']}")
        return answer["result"]

    def wait(self, event: str) -> None:
        while not any(e.get("method") == event for e in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def complaints(self) -> list:
        "What the console said, and every address that is neither the page nor inside of it."
        said = []
        for event in self.events:
            of = event.get("params", {})
            if event.get("method") == "Log.entryAdded":
                said.append(f"console: {of['entry']['text']}")
            elif event.get("method") == "Runtime.consoleAPICalled" and of["type"] in ("error", "warning"):
                said.append(f"console: {of['args']}")
            elif event.get("method") == "Runtime.exceptionThrown":
                said.append(f"console: {of['exceptionDetails']['text']}")
            elif event.get("method") == "Network.requestWillBeSent":
                address = of["request"]["url"]
                if not address.startswith(("data:", "file:")):
                    said.append(f"asked for {address}")
        return list(dict.fromkeys(said))


def find_browser():
    given = os.environ.get("CHROMIUM")
    return shutil.which(given) if given else next(filter(None, map(shutil.which, NAMES)), None)


def start(browser: str, folder: str):
    "A browser with a profile of its own, and the address of its first tab."
    log = open(Path(folder) / "log", "w")
    process = subprocess.Popen([browser, *QUIET, f"--user-data-dir={folder}/profile", "about:blank"],
                               stdout=log, stderr=log)
    port, until = Path(folder) / "profile" / "DevToolsActivePort", time.monotonic() + 60
    while not (port.exists() and port.read_text().strip()):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            sys.exit(f"{browser} did not start: {Path(folder, 'log').read_text()[-500:]}")
        time.sleep(0.1)
    number = port.read_text().split()[0]
    tabs = json.load(urlopen(f"http://127.0.0.1:{number}/json", timeout=30))
    return process, next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")


def look(tab: Tab, page: Path, size: str, scheme: str, shots: Path) -> list:
    "One way to look at the page; what is wrong with it."
    width, height, scale = SIZES[size]
    tab.events.clear()
    tab.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=size == "phone",
            deviceScaleFactor=scale)
    tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    tab.ask("Page.navigate", url=page.resolve().as_uri())
    tab.wait("Page.loadEventFired")
    shot(tab, shots / f"{page.parent.name}-{size}-{scheme}.png", width, scale)
    answer = tab.ask("Runtime.evaluate", expression=LOOK, returnByValue=True)
    if "exceptionDetails" in answer:
        sys.exit(f"The check itself failed: {answer['exceptionDetails']}")
    found = answer["result"]["value"]
    print(f"{size}, {scheme}: {found['tables']} tables, {found['pictures']} pictures, "
          f"{found['drawings']} drawings")
    wrong = found["wrong"] + ([] if found["tables"] else ["there is no table"])
    return [f"{size}, {scheme}: {text}" for text in wrong + tab.complaints()]


def shot(tab: Tab, path: Path, width: int, scale: int) -> None:
    "The whole page as pictures; a browser draws no more than 16,384 pixels at once."
    height = tab.ask("Runtime.evaluate", expression="document.documentElement.scrollHeight",
                     returnByValue=True)["result"]["value"]
    for number, top in enumerate(range(0, height, 16_000 // scale), 1):
        part = {"x": 0, "y": top, "width": width, "height": min(height - top, 16_000 // scale),
                "scale": 1}
        data = tab.ask("Page.captureScreenshot", clip=part, captureBeyondViewport=True)["data"]
        path.with_stem(path.stem + (f"-{number}" if number > 1 else "")).write_bytes(
            base64.b64decode(data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--shots", type=Path, default=None, help="where pictures of the page go")
    arguments = parser.parse_args()
    page, browser = arguments.page, find_browser()
    if not page.is_file():
        sys.exit(f"There is no {page}; `lsm reproduce --tables report` draws it.")
    try:
        import websocket  # noqa: F401
    except ModuleNotFoundError:
        return print("Skipped: websocket-client, which speaks to the browser, is not installed.")
    if browser is None:
        return print("Skipped: no browser was found; set CHROMIUM to one, or install chromium.")
    home = Path(os.environ.get("LSM_HOME") or Path(__file__).resolve().parent.parent)
    shots = arguments.shots or home / "runs" / "browser"
    shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process, address = start(browser, folder)
        try:
            tab = Tab(address)
            for domain in ("Page", "Runtime", "Log", "Network"):
                tab.ask(f"{domain}.enable")
            wrong = [line for size in SIZES for scheme in ("light", "dark")
                     for line in look(tab, page, size, scheme, shots)]
        finally:
            process.terminate()
            process.wait(30)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{page} is as it should be; pictures of it: {shots}")


if __name__ == "__main__":
    main()
