# Sourced by the other scripts: messages, and the packages that the project needs.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
# pyenv and the like may shadow Debian's interpreter, which has the modules that apt installs.
python=/usr/bin/python3

build_packages="pkg-config libuv1-dev libjpeg62-turbo-dev libpng-dev zlib1g-dev libdeflate-dev libwebp-dev libgif-dev libtiff-dev
    libavif-dev liblcms2-dev libcurl4-openssl-dev libssl-dev libhiredis-dev libseccomp-dev"
test_packages="openssl redis-server nginx-light haproxy python3 python3-venv python3-pytest python3-pil python3-numpy
    binutils curl ca-certificates libavif-bin libjpeg-turbo-progs libtiff-tools
    libimage-exiftool-perl"
bench_packages="$test_packages wrk"
differential_packages="imagemagick libvips-tools"
package_packages="dpkg-dev help2man lintian debootstrap"
image_packages="podman runc netavark aardvark-dns iptables debootstrap python3-yaml"

say() { printf '\033[1m▸ %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Prints this script's leading comment, for --help.
help_of() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$1"; }

# Installs what is missing of the packages named; says what, asks nothing.
need_packages() {
    command -v dpkg-query >/dev/null || die "this needs a Debian system (12 or later); on others install: $*"
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || die "missing packages and no sudo; as root run: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing from Debian: ${missing[*]}"
    "${as_root[@]}" apt-get update -qq || die "apt-get update failed: is the package mirror reachable?"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        die "apt-get could not install: ${missing[*]}"
}

# Makes .build-venv with what the tests need of PyPI, anew when the list of it has changed.
need_python_packages() {
    python_packages .build-venv Tests/SystemTests/requirements.txt "what the object stores are tested against"
}

# The same for what compares pictures, in .build-quality.
need_picture_packages() {
    python_packages .build-quality Tests/Benchmarks/requirements.txt "what compares pictures"
}

python_packages() {
    local folder=$1 list=$2 what=$3
    cmp -s "$list" "$folder/requirements.txt" && return
    say "installing from PyPI into $folder: $what"
    "$python" -m venv --clear "$folder" || die "cannot make $folder"
    "$folder/bin/pip" install -q --disable-pip-version-check -r "$list" ||
        die "pip could not install $list: is PyPI, or the mirror that pip.conf names, reachable?"
    cp "$list" "$folder/requirements.txt"
}

# Unpacks Prometheus and promtool into .build/prometheus, from Debian's package: installed, it would start a service.
need_prometheus() {
    [ -x .build/prometheus/usr/bin/promtool ] && return
    say "unpacking from Debian: prometheus (for the tests of metrics, alerts and dashboard)"
    local work
    work=$(mktemp -d)
    # apt's own user must be able to write here.
    chmod 777 "$work"
    (cd "$work" && apt-get download -qq prometheus >/dev/null) || die "the package prometheus could not be downloaded"
    rm -rf .build/prometheus
    mkdir -p .build/prometheus
    dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb |
        tar -x -C .build/prometheus ./usr/bin/prometheus ./usr/bin/promtool || die "the package prometheus is not as expected"
    rm -rf "$work"
}

need_swift() {
    command -v swift >/dev/null ||
        die "no Swift toolchain found; install Swift 6.3 or later (https://www.swift.org/install/linux) and put it on PATH"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    [ "$(printf '%s\n6.3\n' "$version" | sort -V | head -n 1)" = 6.3 ] ||
        die "Swift $version is too old; install 6.3 or later (https://www.swift.org/install/linux)"
}

# Builds both programs for use: optimised, with the Swift runtime inside, so that only Debian's libraries are needed.
build_release() {
    need_swift
    say "building (release; the first time takes a few minutes)"
    local product
    for product in "${@:-imageproxy imageproxy-worker}"; do
        # shellcheck disable=SC2086 # a list
        for one in $product; do
            swift build -c release --static-swift-stdlib --product "$one" >&2 || die "the build failed, see above"
        done
    done
    release=$(swift build -c release --static-swift-stdlib --show-bin-path)
}
