#!/bin/sh
# coverage.sh BUILD NAME...: what of the readers the seeds, and what fuzzing found useful, run through. BUILD/coverage
# holds the replays, BUILD/fuzz/corpus the finds. The report goes to standard output, the lines themselves to
# BUILD/coverage/lines.txt.
set -eu
build=$1
shift
here=$(dirname "$0")
tool() { command -v "$1" || command -v "$1-14"; }
profdata=$(tool llvm-profdata)
cov=$(tool llvm-cov)

readers="weights/json.c weights/safetensors.c engine/graph/weights_file.c engine/base/npy.c engine/pipelines/labels.c
    engine/pipelines/hints.c engine/base/text_cursor.c engine/pixels/pixel_text.c engine/pixels/pixel_table.c engine/graph/graph.c engine/graph/graph_conv.c
    engine/graph/graph_ops.c engine/graph/models/*.c apps/cli/options.c apps/cli/bench_shapes.c apps/cli/bench_baseline.c
    engine/pictures/jpeg_probe.c engine/pictures/png_probe.c engine/pictures/picture_probe.c
    engine/pictures/picture_header.c engine/pictures/picture_read.c engine/pictures/bmp.c engine/pictures/pnm.c
    engine/pictures/mask.c"

profiles=$build/coverage/profiles
rm -rf "$profiles"
mkdir -p "$profiles"
programs=
for name; do
    program=$build/coverage/replay_$name
    found=$build/fuzz/corpus/$name
    [ -d "$found" ] || found=
    LLVM_PROFILE_FILE=$profiles/$name.raw "$program" "$here/corpus/$name" $found >/dev/null
    programs="$programs ${programs:+-object }$program"
done
"$profdata" merge -o "$profiles/all" "$profiles"/*.raw
"$cov" show $programs -instr-profile="$profiles/all" -show-branches=count $readers >"$build/coverage/lines.txt"
"$cov" report $programs -instr-profile="$profiles/all" -show-region-summary=0 -show-functions=0 $readers
