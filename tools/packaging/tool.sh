#!/bin/sh
# Runs a Python tool of limn: as limn-fetch it runs fetch.py, as limn-convert convert.py. They are found relative to this
# file, so that an installed tree can be moved, and in a source tree, where this file is in build/.
name=$(basename "$0")
here=$(dirname "$(readlink -f "$0")")
for tools in "$here/../share/limn/tools" "$here/../tools" "@TOOLSDIR@"; do
    [ -f "$tools/${name#limn-}.py" ] && exec python3 -B "$tools/${name#limn-}.py" "$@" # -B: write no caches there
done
echo "$name: ${name#limn-}.py was not found in @TOOLSDIR@" >&2
exit 1
