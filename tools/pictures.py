"""Execute notebooks and keep their pictures, and nothing else, as outputs.

python tools/pictures.py nbs/[0-9]*.ipynb
"""
import base64
import io
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

LIMIT = 200_000  # bytes of one picture; a larger one is a mistake in the notebook


def is_picture(output) -> bool:
    return "image/png" in output.get("data", {})


def smaller(png: str) -> str:
    "The same picture in 128 colours, base64: a third of the size, and the eye hardly sees it."
    buffer = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def keep_pictures(path: Path) -> int:
    nb = nbformat.read(path, 4)
    NotebookClient(nb, timeout=1200, kernel_name="python3",
                   extra_arguments=["--IPKernelApp.log_level=50"],
                   resources={"metadata": {"path": str(path.parent)}}).execute()
    total = 0
    for cell in nb.cells:
        cell.pop("execution_count", None)
        if cell.cell_type != "code":
            continue
        cell.execution_count = None
        cell.outputs = [o for o in cell.outputs if is_picture(o)]
        for output in cell.outputs:
            output.data = {"image/png": smaller(output.data["image/png"])}
            output.metadata = {}
            if "execution_count" in output:
                output.execution_count = None
            size = len(base64.b64decode(output.data["image/png"]))
            total += size
            if size > LIMIT:
                sys.exit(f"{path}: a picture of {size} bytes; draw it smaller.")
        cell.metadata.pop("execution", None)
    nb.metadata.pop("language_info", None)
    nb.metadata.pop("widgets", None)
    nbformat.write(nb, path)
    return total


for name in sys.argv[1:]:
    print(f"{name}: {keep_pictures(Path(name)):,} bytes of pictures", flush=True)
