#!/bin/sh
# Makes the environment that every target of the Makefile works in: setup.sh VENV PYTHON PACKAGE...
# PYTHON may be empty: the first Python 3.11 or newer is taken. With uv if it is there, else with venv and pip.
set -eu
venv=$1 wish=$2
shift 2

say() { printf '%s\n' "-- $*"; }
fail() { printf '%s\n' "" "$@" "" >&2; exit 1; }
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  for name in ${wish:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if is_new_enough "$name"; then
      python=$name
      return
    fi
  done
  python=
}

has_uv() { command -v uv >/dev/null 2>&1; }

require_python() {
  [ -n "$python" ] && return
  found=$(${wish:-python3} --version 2>&1) || found="no ${wish:-python3}"
  fail "Gradatim needs Python 3.11 or newer, and here is: $found." \
    "Install one, or name it: make test PYTHON=/path/to/python3.12"
}

make_venv() {
  if has_uv; then
    # without a Python of its own, uv fetches one
    rm -rf "$venv"
    uv venv --quiet --python "${python:-${wish:->=3.11}}" "$venv" && return
    fail "uv could not make an environment with Python 3.11 or newer; what it said is above."
  fi
  require_python
  "$python" -m venv --clear "$venv" && return
  fail "$python could not make an environment: on Debian and Ubuntu, apt install python3-venv."
}

install_all() {
  # The build backend comes with the tools, so the packages themselves are installed without asking for it again.
  if has_uv; then
    uv pip install --python "$venv/bin/python" --group dev
    uv pip install --python "$venv/bin/python" --no-build-isolation "$@"
    uv pip install --python "$venv/bin/python" --no-deps --group sigv4
    return
  fi
  pip="$venv/bin/python -m pip --disable-pip-version-check"
  # groups of dependencies are known to pip since 25.1
  if ! $pip install --help | grep -q -- --group; then
    say "upgrading pip in it"
    $pip install --quiet --upgrade 'pip>=25.1'
  fi
  say "installing tools"
  $pip install --group dev
  say "installing Gradatim and its plugins"
  $pip install --no-build-isolation "$@"
  $pip install --quiet --no-deps --group sigv4
}

find_python
if [ -x "$venv/bin/python" ] && is_new_enough "$venv/bin/python"; then
  say "the pyproject files have changed, or a setup was interrupted: bringing $venv up to date"
else
  say "making $venv (the first time; a minute or so)"
  make_venv
fi
say "using $("$venv/bin/python" --version)"
install_all "$@" || fail "The setup was not finished; what went wrong is above. Repeat it when that is mended."
say "ready"
