#!/bin/sh
# Makes a Debian package of the files that `make deb` has installed in FOLDER/root:
#
#     sh tools/packaging/deb.sh FOLDER VERSION [LOADED]
#
# LOADED is the package of the library that limn loads at run time, which dpkg-shlibdeps does not see: OpenBLAS.
# The package, limn_VERSION_ARCHITECTURE.deb, is written to the parent of FOLDER. It holds program, library and header.
set -eu

folder=$1 version=$2 loaded=${3-}
root=$folder/root
architecture=$(dpkg --print-architecture)

doc=$root/usr/share/doc/limn
mkdir -p "$root/DEBIAN" "$doc"
cp LICENSE "$doc/copyright"
gzip -9nf "$root/usr/share/man/man1/limn.1"
find "$root/usr" -name 'liblimn.so.*.*' -type f -exec strip --strip-unneeded {} + -exec chmod 644 {} +
find "$root/usr" -name liblimn.a -exec strip --strip-debug {} +
strip "$root/usr/bin/limn"

# dpkg-shlibdeps needs a debian/control file; an empty one is enough.
mkdir -p "$folder/debian"
: >"$folder/debian/control"
depends=$(cd "$folder" && dpkg-shlibdeps -O -lroot/usr/lib root/usr/bin/limn "$(find root -name 'liblimn.so.*.*')")

cat >"$root/DEBIAN/control" <<END
Package: limn
Version: $version
Architecture: $architecture
Maintainer: the limn authors
Installed-Size: $(du -sk "$root/usr" | cut -f 1)
Depends: ${depends#shlibs:Depends=}${loaded:+, $loaded}
Recommends: python3 (>= 3.11), python3-numpy
Section: graphics
Priority: optional
Description: published image networks on a CPU
 Super-resolution, colorization, segmentation and generation of pictures with
 seven published networks: a small program and its library.
END
# Run ldconfig after installation, so that programs find the shared library at once.
echo 'activate-noawait ldconfig' >"$root/DEBIAN/triggers"
(cd "$root" && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
# Weights hardly compress: xz takes ten times as long for 6 % less.
dpkg-deb -Zgzip --root-owner-group --build "$root" "$folder/../limn_${version}_$architecture.deb" >/dev/null
