"Stop with one sentence if this Python is too old or too new for the pinned packages."
import sys

if not (3, 10) <= sys.version_info[:2] <= (3, 13):
    sys.exit(f"Found Python {sys.version.split()[0]}; this project runs on 3.10 to 3.13. "
             "Name another one: make PYTHON=python3.11 …")
