#!/bin/sh
# Runs a Python program with PyTorch:
#
#     sh tests/full/with_torch.sh tests/full/parity.py
#
# with the first of $PYTHON, python3 and /usr/bin/python3 that has PyTorch and NumPy. Where none has, Debian's packages
# are installed: about 140 MB to fetch, 600 MB on the disk. (The wheels that pip installs on x86 bring CUDA along,
# several GB.)
set -eu

with_torch() {
    for python in ${PYTHON:-} python3 /usr/bin/python3; do
        if "$python" -c 'import numpy, torch' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
}

python=$(with_torch)
if [ -z "$python" ]; then
    sh "$(dirname "$0")/../../tools/setup.sh" -t >&2
    python=$(with_torch)
    [ -n "$python" ] || { echo "with_torch: no Python with NumPy and PyTorch, even after installing them" >&2; exit 1; }
fi
exec "$python" "$@"
