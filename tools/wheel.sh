#!/usr/bin/env bash
# Build the wheel and import it in an environment of its own. $1: a folder for temporary files.
# To save several GB the packages already installed are lent to it; this shows that the wheel is whole,
# not that its list of requirements is. CLEAN_WHEEL=1 installs those, too.
set -euo pipefail
dir=$1/wheel
python -m build --wheel --outdir "$dir" . > "$1/build.log" 2>&1 || { tail -20 "$1/build.log"; exit 1; }
python -m venv "$dir/env"
if [ "${CLEAN_WHEEL:-}" = 1 ]; then
  "$dir/env/bin/pip" install --quiet -c constraints.txt "$dir"/*.whl
else
  "$dir/env/bin/pip" install --quiet --no-deps "$dir"/*.whl
  python -c "import torch, pathlib; print(pathlib.Path(torch.__file__).parent.parent)" \
    > "$("$dir/env/bin/python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")/dependencies.pth"
fi
cd "$dir"
env/bin/python -c "import lsm_adapter, pathlib; from lsm_adapter.model import build_method, METHODS; \
assert pathlib.Path(lsm_adapter.__file__).is_relative_to(pathlib.Path.cwd() / 'env'), lsm_adapter.__file__; \
print(len(METHODS), 'methods from', lsm_adapter.__version__)"
