#!/bin/sh
# Installs what limn needs on Debian 12 and runs a command, if one is given:
#
#     sh tools/setup.sh make demo
#
# Options, before the command, install more packages:
#   -d  for developers: clang, sanitizers, valgrind, clang-format, clang-tidy, cppcheck; zsh and fish, whose
#       completions are tested; exiftool, whose view of pictures is
#   -p  python3-venv, so that `make bench` and `make bench-peers` can install packages with pip in a virtual environment
#   -t  for the full tests: PyTorch, scikit-image, pandas, OpenCV, and pip, which downloads a published network
#   -s  for `make static` and `make wheel`: GCC with musl, python3-venv for zig, esbuild for the page; strace and an
#       emulator of aarch64 for the tests of the former
#   -m  for `make windows`: mingw-w64, python3-venv for zig, esbuild for the page; wine for its tests
#   -w  for `make wasm`: python3-venv for zig; node for its tests
#   -b  for `make page`: python3-venv for zig, esbuild; Chromium with selenium for its tests
#   -a  for `make aarch64`: a cross compiler, an emulator, and aarch64 libraries
# Packages that are already installed are left as they are. apt-get is called through sudo unless the caller is root.
set -eu

foreign=
packages="gcc libc6-dev make libopenblas-dev libstb-dev libcmocka-dev python3 python3-numpy python3-pil python3-pytest"
packages="$packages locales pkg-config g++ dpkg-dev groff-base"
while :; do
    case ${1:-} in
    -d)
        packages="$packages clang libclang-rt-14-dev clang-format clang-tidy cppcheck valgrind zsh fish"
        packages="$packages libimage-exiftool-perl"
        ;;
    -p) packages="$packages python3-venv" ;;
    -t) packages="$packages python3-torch python3-skimage python3-pandas python3-opencv python3-pip" ;;
    -s) packages="$packages musl-tools python3-venv esbuild strace qemu-user" ;;
    -m) packages="$packages gcc-mingw-w64-x86-64-posix python3-venv esbuild wine wine64" ;;
    -w)
        packages="$packages python3-venv"
        command -v node >/dev/null || packages="$packages nodejs"
        ;;
    -b) packages="$packages python3-venv esbuild chromium chromium-driver python3-selenium" ;;
    -a)
        foreign=arm64
        packages="$packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
        packages="$packages libopenblas-dev:arm64 libcmocka-dev:arm64"
        ;;
    *) break ;;
    esac
    shift
done

missing=
for package in $packages; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
    *" installed") ;;
    *) missing="$missing $package" ;;
    esac
done

if [ -n "$missing" ]; then
    sudo=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "setup: run as root, or install sudo, to install:$missing" >&2; exit 1; }
        sudo=sudo
    fi
    echo "setup: installing$missing" >&2
    [ -z "$foreign" ] || $sudo dpkg --add-architecture "$foreign"
    $sudo apt-get update -qq
    # shellcheck disable=SC2086 # split the list into words
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

[ $# = 0 ] || exec "$@"
