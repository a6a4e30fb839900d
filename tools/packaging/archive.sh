#!/bin/sh
# Packs a program that runs from its folder, with weights, licence and a short README:
#
#     sh tools/packaging/archive.sh PROGRAM FOLDER PAGE WEIGHTS...
#
# PAGE is the colour page, or "" for none.
# Writes FOLDER.tar.gz, which unpacks to a folder of that name. The same files give the same archive.
set -eu

program=$1 folder=$2 page=$3
shift 3

rm -rf "$folder"
mkdir -p "$folder/weights"
install -m 755 "$program" "$folder/limn"
install -m 644 LICENSE "$folder"
[ -z "$page" ] || install -m 644 "$page" "$folder/limn.html"
install -m 644 "$@" "$folder/weights"
cat >"$folder/README" <<'END'
limn runs published image networks on a CPU. The program needs no installation and no other file of the system:

    ./limn upscale photo.jpg            writes photo-upscaled.png, four times as large
    ./limn colorize old.jpg             writes old-colorized.png
    ./limn --weights                    lists the weights that limn finds by name
    ./limn --help

limn.html is a page for a browser, which colours photographs with a click on each thing: open it by a double click.

It finds weights by name in the folder weights next to it, from any working directory. Keep both together; to call limn
from elsewhere, add this folder to PATH, or make a symbolic link to the program. The weights here are small ones. limn also
runs the published ones: limn-fetch downloads and converts them. It needs Python, so it is not here, but in limn's sources
and its Debian package. Put the files that it makes into the folder weights. OpenBLAS is left out: limn's own kernels
compute everything.
END

name=$(basename "$folder")
tar -C "$(dirname "$folder")" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" \
    -cf - "$name" | gzip -9n >"$folder.tar.gz.part"
mv "$folder.tar.gz.part" "$folder.tar.gz"
