"""Make a site of the notebooks in _docs/: plain pages that need no network, no script and no server.

python tools/docs.py            writes _docs/index.html and the rest
python tools/docs.py --check    writes it elsewhere, and looks at it in a browser if there is one

README.md is the first page. Equations become MathML, code folds, links between notebooks are links
between pages, and a link or an equation that cannot be followed or drawn is an error.
"""
import re
import shutil
import sys
import tempfile
from html import escape, unescape
from importlib.util import find_spec
from itertools import chain, count
from pathlib import Path
from urllib.parse import unquote

import nbformat
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

try:
    from docutils.utils.math import MathError
    from docutils.utils.math.latex2mathml import tex2mathml
except ModuleNotFoundError:
    sys.exit("There is no docutils 0.21 or newer, which draws the equations: pip install docutils")
ROOT = Path(__file__).resolve().parent.parent
HEADINGS = {"nbs": "Notebooks", "reproduce": "Reproduce"}  # a folder's, in the contents
PLAIN = [(r"\\(t?)frac\s*(\d)\s*(\d|[A-Za-z]|\\[A-Za-z]+)", r"\\\1frac{\2}{\3}"),  # \frac12
         (r"\{\\rm\s+([^{}]*)\}", r"{\\mathrm{\1}}"), (r"\\dots\b", r"\\ldots"),
         (r"\\(log|ln|exp|sin|cos)\s*(?=[A-Za-z]|\\(?!left|bigl|,))", r"\\\1\\,"),
         (r"\\big\b", r"\\bigl"), (r"\\textstyle\b", ""), (r"^\s*_", "{}_")]
STYLE = """
:root{color-scheme:light dark;--page:#fbfaf7;--card:#fff;--soft:#f2f0e9;--ink:#1c2733;--quiet:#5b6672;
--line:#dedbd1;--accent:#0a6480;--word:#8a2a6b;--text:#1d6b32;--number:#92400e}
@media (prefers-color-scheme:dark){:root{--page:#12171d;--card:#1a2129;--soft:#212a33;--ink:#e3e8ec;
--quiet:#9aa7b3;--line:#323d48;--accent:#6cc4de;--word:#e49bcb;--text:#8fd6a4;--number:#e7b27a}}
*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.6 system-ui,"Segoe UI",Roboto,Arial,
sans-serif;border-top:5px solid var(--accent)}
.wrap{display:grid;grid-template-columns:17rem minmax(0,50rem);gap:3rem;max-width:74rem;margin:0 auto;
padding:1rem 1.25rem}
nav.book{font-size:.875rem;line-height:1.4}nav.book ol{list-style:none;margin:0;padding:0}
nav.book li{padding:.15rem 0}nav.book [aria-current]{font-weight:600;color:var(--ink);text-decoration:none}
nav.book>details{position:sticky;top:1rem;max-height:calc(100vh - 2rem);overflow:auto}
nav.book h2{font-size:.78rem;letter-spacing:.06em;text-transform:uppercase;color:var(--quiet);
margin:1rem 0 .3rem}
h1,h2,h3{font-family:Charter,Palatino,Georgia,serif;line-height:1.2;overflow-wrap:anywhere}
h1{font-size:2.1rem;margin:1rem 0 .4rem}h2{font-size:1.5rem;margin:2.2rem 0 .5rem}
a{color:var(--accent);text-underline-offset:.15em}:focus-visible{outline:3px solid var(--accent)}
blockquote{margin:.2rem 0 1.2rem;color:var(--quiet);font-size:1.1rem}
code{font:.88em ui-monospace,Menlo,Consolas,monospace;background:var(--soft);padding:.1em .3em;
border-radius:.25em;overflow-wrap:anywhere}
pre{overflow-x:auto;margin:0;padding:.7rem 1rem;font:.82rem/1.5 ui-monospace,Menlo,Consolas,monospace}
pre code{background:none;padding:0;font:inherit;overflow-wrap:normal}main>pre{background:var(--soft)}
details.code{border:1px solid var(--line);border-radius:.4rem;background:var(--card);margin:1rem 0}
details.code summary{font-size:.8rem;color:var(--quiet);padding:.25rem 1rem;cursor:pointer}
details.code[open] summary{border-bottom:1px solid var(--line)}
.k,.kn,.kc,.kd,.ow{color:var(--word)}.s,.s1,.s2,.sa,.sd,.si,.se,.sr{color:var(--text)}
.c,.c1{color:var(--quiet);font-style:italic}.m,.mi,.mf,.mh{color:var(--number)}.nf,.nc,.nd{color:var(--accent)}
.equation{display:flex;align-items:center;overflow-x:auto;overflow-y:hidden;margin:1rem 0;padding:.2rem 0}
.equation math{flex:1;min-width:max-content}.equation span{padding-left:1rem;color:var(--quiet)}
math{font-size:1.08em;font-family:"STIX Two Math","Latin Modern Math","Cambria Math",math,serif}
nav.book{order:-1}img{max-width:100%;height:auto}img.drawn{background:#fff;border-radius:.4rem;padding:.4rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.875rem;line-height:1.4}
td,th{padding:.35rem .6rem;border-top:1px solid var(--line);text-align:left;vertical-align:top}
.turn{display:flex;justify-content:space-between;gap:2rem;border-top:1px solid var(--line);
margin-top:3rem;padding:1rem 0}
.to-contents{display:none}
@media (max-width:60rem){.wrap{display:block}.to-contents{display:block}h1{font-size:1.7rem}
nav.book>details{position:static;max-height:none}}
@media print{nav,.turn{display:none}.wrap{display:block}details.code{break-inside:avoid}}
"""


def wrong(page: Path, said: str) -> None:
    sys.exit(f"{page.relative_to(ROOT)}: {said}")


def math(tex: str, block: bool, page: Path) -> str:
    tag = re.search(r"\\tag\{(.+?)\}", tex)
    plain = tex.replace(tag[0], "") if tag else tex
    for old, new in PLAIN:
        plain = re.sub(old, new, plain.strip())
    try:
        drawn = tex2mathml(plain, as_block=block)
    except (MathError, LookupError) as error:
        wrong(page, f"the equation {tex!r} cannot be drawn: {error}; write it with simpler LaTeX.")
    number = f"<span>({tag[1]})</span>" if tag else ""
    return f'<div class="equation">{drawn}{number}</div>' if block else drawn


class Words(IPythonRenderer):
    "Markdown of one page; remembers where its links lead and which headings it has."

    def __init__(self, site: "Site", page: Path):
        super().__init__(escape=False)
        self.site, self.page, self.anchors = site, page, {}

    def block_math(self, body):
        return math(body, True, self.page)

    multiline_math = block_math

    def inline_math(self, body):
        return math(body, False, self.page)

    def heading(self, text, level, **_):
        name = re.sub(r"[^a-z0-9]+", "-", unescape(re.sub("<.*?>", "", text)).lower()).strip("-")
        names = chain([name], (f"{name}-{i}" for i in count(2)))
        name = next(one for one in names if one not in self.anchors)
        self.anchors[name] = text
        return f'<h{level} id="{name}">{text}</h{level}>\n'

    def link(self, text, url, title=None):
        return f'<a href="{escape(self.site.follow(self.page, url))}">{text}</a>'

    def image(self, text, url, title=None):
        return f'<img src="{escape(self.site.follow(self.page, url))}" alt="{escape(text)}">'

    def table(self, text):
        return f'<div class="scroll" tabindex="0"><table>{text}</table></div>\n'


class Site:
    "Pages in the order of reading, and everything that they lead to."

    def __init__(self, out: Path):
        self.out, self.titles, self.anchors, self.links, self.bodies = out, {}, {}, [], {}
        self.book = [ROOT / "README.md", *sorted(ROOT.glob("nbs/[0-9]*.ipynb")),
                     *sorted(ROOT.glob("nbs/reproduce/*.ipynb"))]
        self.more, self.files = [], set()

    def address(self, page: Path) -> Path:
        "Where a page or file of the repository lies in the site."
        name = Path("index.html") if page == ROOT / "README.md" else page.relative_to(ROOT)
        return name.with_suffix(".html") if page.suffix in (".md", ".ipynb") else name

    def follow(self, page: Path, url: str) -> str:
        if re.match(r"[a-z]+:|//", url):
            return url
        name, _, anchor = unquote(url).partition("#")
        goal = (page.parent / name).resolve() if name else page
        goal = ROOT / "README.md" if goal == ROOT / "nbs/index.ipynb" else goal
        if not goal.is_file() or ROOT not in goal.parents:
            wrong(page, f"its link {url} leads nowhere.")
        if goal.suffix not in (".md", ".ipynb"):
            self.files.add(goal)
        elif goal not in self.book + self.more:
            self.more.append(goal)
        self.links.append((page, goal, anchor))
        up = "../" * (len(self.address(page).parts) - 1)
        return up + self.address(goal).as_posix() + (f"#{anchor}" if anchor else "")

    def render(self, page: Path) -> None:
        words = Words(self, page)
        read = MarkdownWithMath(renderer=words).render
        text = page.read_text(encoding="utf-8")
        cells = nbformat.reads(text, 4).cells if page.suffix == ".ipynb" else []
        parts = [read(c.source) if c.cell_type == "markdown" else code(c) for c in cells]
        self.bodies[page], self.anchors[page] = "\n".join(parts or [read(text)]), words.anchors
        if not words.anchors:
            wrong(page, "it has no heading.")
        self.titles[page] = next(iter(words.anchors.values()))

    def menu(self, page: Path) -> str:
        up, lines = "../" * (len(self.address(page).parts) - 1), []
        for goal in self.book:
            if heading := HEADINGS.get(goal.parent.name if goal.suffix == ".ipynb" else ""):
                if f"<h2>{heading}</h2>" not in lines:
                    lines += ["</ol>", f"<h2>{heading}</h2>", "<ol>"]
            here = ' aria-current="page"' if goal == page else ""
            lines.append(f'<li><a href="{up}{self.address(goal).as_posix()}"{here}>'
                         f"{self.titles[goal]}</a></li>")
        return f"<details open><summary>Contents</summary><ol>{''.join(lines)}</ol></details>"

    def write(self) -> None:
        for page in self.book:
            self.render(page)
        for page in self.more:  # grows while we go
            self.render(page)
        for page, goal, anchor in self.links:
            if anchor and anchor not in self.anchors.get(goal, ()):
                wrong(page, f"its link to {goal.name}#{anchor} finds no such heading; there are "
                      f"{', '.join(self.anchors.get(goal, {}))}.")
        for page, body in self.bodies.items():
            path = self.out / self.address(page)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.page(page, body), encoding="utf-8")
        for file in self.files:
            path = self.out / self.address(file)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, path)

    def page(self, page: Path, body: str) -> str:
        at = self.book.index(page) if page in self.book else None
        up = "../" * (len(self.address(page).parts) - 1)
        turn = []
        for rel, step, words in () if at is None else (("prev", -1, "← {}"), ("next", 1, "{} →")):
            goal = dict(enumerate(self.book)).get(at + step)
            turn.append(f'<a rel="{rel}" href="{up}{self.address(goal).as_posix()}">'
                        f"{words.format(self.titles[goal])}</a>" if goal else "<span></span>")
        title = re.sub("<.*?>", "", self.titles[page])
        return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:,"><style>{STYLE}</style></head>
<body><div class="wrap"><main><a class="to-contents" href="#contents">Contents</a>
{body}<div class="turn">{"".join(turn)}</div></main>
<nav class="book" id="contents" aria-label="Contents">{self.menu(page)}</nav></div></body></html>
"""


def code(cell) -> str:
    source = re.sub(r"(?m)^#\|.*\n?", "", cell.source).strip()
    if not source:
        return ""
    marks = set(re.findall(r"(?m)^#\|\s*([\w_]+)", cell.source))
    name = ("In the package" if "export" in marks else "Behind the scenes" if "hide" in marks else
            "Only with --flags slow" if "slow" in marks else "Example and test")
    drawn = [f'<p><img class="drawn" alt="Picture drawn by the code above" src="data:image/png;base64,'
             f'{"".join(o.data["image/png"]).strip()}"></p>'
             for o in cell.outputs if "image/png" in o.get("data", {})]
    lines = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))
    return (f'<details class="code"{"" if "hide" in marks else " open"}><summary>{name}</summary>'
            f'<pre tabindex="0"><code>{lines}</code></pre></details>' + "".join(drawn))


LOOK_AT_MATH = r"""(() => {
  const wrong = [];
  document.querySelectorAll('math').forEach(e => { const b = e.getBoundingClientRect();
    if (b.width < 3 || b.height < 3) wrong.push('invisible equation: ' + e.textContent); });
  document.querySelectorAll('merror').forEach(e => wrong.push('broken equation: ' + e.textContent));
  const walk = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  for (let n; n = walk.nextNode();) if (!n.parentElement.closest('code, pre') &&
      /\$.*[\\_^].*\$|\\(frac|mathrm|sum)/.test(n.data))
    wrong.push('left as LaTeX: ' + n.data.trim().slice(0, 60));
  return {wrong, equations: document.querySelectorAll('math').length};
})()"""


def look(out: Path, shots) -> None:
    "Every page in a browser: silent console, nothing loaded, equations and pictures there."
    import browser_check as b

    browser = b.find_browser()
    if browser is None or find_spec("websocket") is None:
        return print("Skipped: no browser was found (set CHROMIUM to one, or install chromium), "
                     "or no websocket-client to speak to it.")
    equations, pictures, faults = 0, 0, []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process, address = b.start(browser, folder)
        try:
            tab = b.Tab(address)
            for domain in ("Page", "Runtime", "Log", "Network"):
                tab.ask(f"{domain}.enable")
            for page in sorted(out.rglob("*.html")):
                if "<nav class=\"book\"" not in page.read_text(encoding="utf-8"):
                    continue  # a page of results, which has a check of its own
                tab.events.clear()
                tab.ask("Page.navigate", url=page.resolve().as_uri())
                tab.wait("Page.loadEventFired")
                for (width, height, scale), scheme in zip(b.SIZES.values(), ("light", "dark")):
                    tab.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                            mobile=False, deviceScaleFactor=scale)
                    tab.ask("Emulation.setEmulatedMedia",
                            features=[{"name": "prefers-color-scheme", "value": scheme}])
                    if shots:
                        b.shot(tab, shots / f"{page.stem}-{width}.png", width, scale)
                    found = [tab.ask("Runtime.evaluate", expression=asked, returnByValue=True)
                             ["result"]["value"] for asked in (b.LOOK, LOOK_AT_MATH)]
                    faults += [f"{page.relative_to(out)}, {width} wide: {text}"
                               for text in found[0]["wrong"] + found[1]["wrong"]]
                faults += [f"{page.relative_to(out)}: {text}" for text in tab.complaints()]
                equations, pictures = equations + found[1]["equations"], pictures + found[0]["pictures"]
        finally:
            process.terminate()
            process.wait(30)
    if faults:
        sys.exit("\n".join(faults))
    print(f"{equations} equations and {pictures} pictures are where a reader sees them.")


def main() -> None:
    shots = Path(sys.argv[sys.argv.index("--shots") + 1]) if "--shots" in sys.argv else None
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / "_docs"
        site = Site(new)
        site.write()
        print(f"{len(site.bodies)} pages, {len(site.files)} files beside them.")
        if "--check" in sys.argv:
            return look(new, shots)
        shutil.rmtree(ROOT / "_docs", ignore_errors=True)
        shutil.copytree(new, ROOT / "_docs")
    print("Open _docs/index.html.")


if __name__ == "__main__":
    main()
