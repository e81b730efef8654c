"""Write README.md from nbs/index.ipynb (the part of nbdev_readme that needs no Quarto).

The index is executed, hidden cells and directives are dropped, and the rest becomes Markdown.
With --check nothing is written; the exit code says whether README.md is up to date.
"""
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parent.parent


def readme() -> str:
    nb = nbformat.read(ROOT / "nbs/index.ipynb", 4)
    NotebookClient(nb, kernel_name="python3", extra_arguments=["--IPKernelApp.log_level=50"],
                   resources={"metadata": {"path": str(ROOT / "nbs")}}).execute()
    nb.cells = [c for c in nb.cells if not re.match(r"#\|\s*(hide|default_exp)\b", c.source)]
    for cell in nb.cells:
        if cell.cell_type == "code":
            hidden = re.match(r"#\|\s*echo:\s*false", cell.source)
            cell.source = "" if hidden else re.sub(r"(?m)^#\|.*\n?", "", cell.source)
            if hidden:  # keep only what it printed, as Markdown
                text = "".join(o.get("text", "") for o in cell.outputs)
                cell.update(nbformat.v4.new_markdown_cell(text))
                cell.pop("outputs", None), cell.pop("execution_count", None)
    nb.metadata["language_info"] = {"name": "python"}
    text, _ = MarkdownExporter().from_notebook_node(nb)
    text = text.replace("](../", "](")  # the README lies one folder above the index
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


if __name__ == "__main__":
    path, text = ROOT / "README.md", readme()
    if "--check" not in sys.argv:
        path.write_text(text, encoding="utf-8")
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        sys.exit("README.md differs from nbs/index.ipynb; run `make readme` and commit it.")
