#!/bin/sh
# Installs the programs that tests start and that are missing: as root on Debian; elsewhere it says which.
# Never fails: tests of a missing program are skipped by name (under CI=true they fail, tests/servers.py).
set -eu
exec </dev/null
cd "$(dirname "$0")/.."
. .ci/lib.sh

programs="initdb=postgresql imap=dovecot-imapd lmtp=dovecot-lmtpd postfix=postfix swaks=swaks faketime=faketime chromium=chromium" # program=Debian package

here() {
    PATH=$PATH:/usr/sbin:/sbin:/usr/lib/dovecot command -v "$1" >/dev/null ||
        ls /usr/lib/postgresql/*/bin/"$1" >/dev/null 2>&1
}

missing() {
    for entry in $programs; do
        here "${entry%=*}" || echo "${entry#*=}"
    done
}

packages=$(missing)
[ -n "$packages" ] || exit 0
if as_root_on_debian; then
    echo "installing" $packages
    apt_install $packages >/dev/null && exit 0
fi
echo "not here, their tests are skipped:" $(missing)
