# What the set-up scripts share; read with `.` from the project's folder.

die() {
    echo "casegate: $*" >&2
    exit 1
}

# A network has bad moments.
thrice() {
    "$@" && return
    sleep 2
    "$@" && return
    sleep 5
    "$@"
}

as_root_on_debian() { [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null; }

# Installs Debian packages without starting what they bring.
apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    policy=/usr/sbin/policy-rc.d
    ours=
    if [ ! -e $policy ]; then
        ours=$policy
        trap 'rm -f "$ours"' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
    fi
    failed=0
    thrice apt_update_and_install "$@" || failed=1
    [ -z "$ours" ] || rm -f "$ours"
    return $failed
}

apt_update_and_install() {
    apt-get -o DPkg::Lock::Timeout=300 -qq update &&
        apt-get -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends "$@"
}
