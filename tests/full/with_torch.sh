#!/bin/sh
# Runs a Python program with PyTorch and the libraries that the originals of the pipelines call:
#
#     sh tests/full/with_torch.sh tests/full/main.py
#
# with the first of $PYTHON, python3 and /usr/bin/python3 that has them all. If none has, it installs Debian's packages:
# up to 360 MB to download, 1.6 GB on the disk, less if some are installed already. (The wheels of PyTorch that pip
# installs on x86 include CUDA, several GB.)
set -eu

modules="numpy, torch, PIL, skimage, pandas, cv2, pip"

with_torch() {
    for python in ${PYTHON:-} python3 /usr/bin/python3; do
        if "$python" -c "import $modules" 2>/dev/null; then
            echo "$python"
            return
        fi
    done
}

python=$(with_torch)
if [ -z "$python" ]; then
    sh "$(dirname "$0")/../../tools/setup.sh" -t >&2
    python=$(with_torch)
    [ -n "$python" ] || { echo "with_torch: no Python has $modules, even after installing them" >&2; exit 1; }
fi
exec "$python" "$@"
