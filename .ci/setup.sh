#!/bin/sh
# The one set-up: finds a Python, makes .venv by the first way that works, installs the project into it.
# Needs sh and a Python of 3.11 or newer, nothing else; PYTHON=… chooses one. At once done where nothing changed.
set -eu
exec </dev/null
cd "$(dirname "$0")/.."
. .ci/lib.sh

venv=.venv
stamp=$venv/.setup-stamp
state() { cat pyproject.toml constraints.txt .ci/setup.sh | cksum && pwd; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || die "PYTHON=$PYTHON is no Python of 3.11 or newer"
        return
    fi
    for PYTHON in python3 python3.13 python3.12 python3.11 python; do
        new_enough "$PYTHON" && return
    done
    die "no Python of 3.11 or newer found: install one (Debian: apt-get install python3), or say PYTHON=/path/to/python"
}

usable() { new_enough $venv/bin/python && $venv/bin/python -m pip --version >/dev/null 2>&1; }

# Each way starts from nothing: half an environment of the way before would mislead it.
way() { rm -rf $venv && "$@" >/dev/null 2>&1 && usable; }

install_venv_package() { as_root_on_debian && apt_install python3-venv && "$PYTHON" -m venv $venv; }

# What `venv --without-pip` does, for a Python that has no `venv` either.
bare_environment() {
    "$PYTHON" -m venv --without-pip $venv && return
    rm -rf $venv
    "$PYTHON" - $venv <<'PY'
import os, sys
packages = os.path.join(sys.argv[1], "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
programs = os.path.join(sys.argv[1], "bin")
os.makedirs(packages)
os.makedirs(programs)
python = os.path.realpath(sys.executable)
os.symlink(python, os.path.join(programs, "python"))
with open(os.path.join(sys.argv[1], "pyvenv.cfg"), "w") as cfg:
    cfg.write("home = %s\ninclude-system-site-packages = false\n" % os.path.dirname(python))
PY
}

borrowed_pip() {
    bare_environment || return 1
    thrice "$PYTHON" -m pip --python $venv/bin/python install pip && return
    packages=$($venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    thrice "$PYTHON" -m pip install --target "$packages" pip
}

make_environment() {
    way "$PYTHON" -m venv $venv && return
    way "$PYTHON" -m virtualenv $venv && return
    way install_venv_package && return
    way borrowed_pip && return
    rm -rf $venv
    die "$PYTHON can make no virtual environment: install its venv (Debian: apt-get install python3-venv), then again"
}

now=$(state)
[ "$(cat $stamp 2>/dev/null)" = "$now" ] && exit 0
# The scripts of an environment that was moved point elsewhere.
[ ! -e $stamp ] || [ "$(tail -n 1 $stamp)" = "$(pwd)" ] || rm -rf $venv
usable || { find_python; echo "making $venv with $PYTHON"; make_environment; }
echo "installing Casegate and what it needs into $venv"
thrice $venv/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]' ||
    die "pip could not install the packages; its words are above"
echo "$now" >$stamp
