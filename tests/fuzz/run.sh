#!/bin/sh
# run.sh BUILD NAME SECONDS: runs one fuzz target on its seeds and on what earlier runs found, which is kept in
# BUILD/corpus/NAME. An input that breaks it is left as BUILD/NAME-crash-..., and the exit code is not 0.
set -eu
build=$1 name=$2 seconds=$3
here=$(dirname "$0")

mkdir -p "$build/corpus/$name"
seeds=
[ ! -d "$here/corpus/$name" ] || seeds=$here/corpus/$name
dictionary=
[ ! -f "$here/$name.dict" ] || dictionary=-dict=$here/$name.dict
if "$build/fuzz_$name" $dictionary -max_total_time="$seconds" -timeout=10 -max_len=8192 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$build/$name-" "$build/corpus/$name" $seeds 2>"$build/$name.log"; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$name.log")
    echo "fuzz $name: $runs runs in $seconds s, nothing found"
else
    cat "$build/$name.log"
    echo "fuzz $name: broken, see above"
    exit 1
fi
