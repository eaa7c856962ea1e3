import pytest

from gradatim.kube.proxy import proxy_of

P = "http://proxy:3128"
CASES = [
    ("none is named", "https://api:6443", {}, None),
    ("HTTPS_PROXY is for https", "https://api:6443", {"HTTPS_PROXY": P}, P),
    ("HTTP_PROXY is not for https", "https://api:6443", {"HTTP_PROXY": P}, None),
    ("HTTP_PROXY is for http", "http://api", {"HTTP_PROXY": P}, P),
    ("small letters win", "https://api", {"https_proxy": P, "HTTPS_PROXY": "http://x"}, P),
    ("a proxy without scheme", "https://api", {"HTTPS_PROXY": "proxy:3128"}, P),
    ("loopback never", "https://127.0.0.1:6443", {"HTTPS_PROXY": P}, None),
    ("localhost never", "https://localhost", {"HTTPS_PROXY": P}, None),
    ("a star excludes all", "https://api", {"HTTPS_PROXY": P, "NO_PROXY": "*"}, None),
    (
        "a host excludes itself",
        "https://api.k8s",
        {"HTTPS_PROXY": P, "NO_PROXY": "x, api.k8s"},
        None,
    ),
    ("a domain excludes its hosts", "https://a.k8s", {"HTTPS_PROXY": P, "NO_PROXY": ".k8s"}, None),
    (
        "a bare domain excludes its hosts, too",
        "https://a.k8s",
        {"HTTPS_PROXY": P, "no_proxy": "k8s"},
        None,
    ),
    ("a star and a domain", "https://a.k8s", {"HTTPS_PROXY": P, "NO_PROXY": "*.k8s"}, None),
    ("another host's end is no domain", "https://xk8s", {"HTTPS_PROXY": P, "NO_PROXY": "k8s"}, P),
    (
        "a network excludes its addresses",
        "https://10.96.0.1",
        {"HTTPS_PROXY": P, "NO_PROXY": "10.0.0.0/8"},
        None,
    ),
    (
        "a network excludes no others",
        "https://11.96.0.1",
        {"HTTPS_PROXY": P, "NO_PROXY": "10.0.0.0/8"},
        P,
    ),
    ("a network excludes no names", "https://api", {"HTTPS_PROXY": P, "NO_PROXY": "10.0.0.0/8"}, P),
    (
        "a port excludes that port",
        "https://api:6443",
        {"HTTPS_PROXY": P, "NO_PROXY": "api:6443"},
        None,
    ),
    ("a port excludes no other", "https://api:6443", {"HTTPS_PROXY": P, "NO_PROXY": "api:443"}, P),
    ("an IPv6 network", "https://[fd00::1]:6443", {"HTTPS_PROXY": P, "NO_PROXY": "fd00::/8"}, None),
]


@pytest.mark.parametrize(
    ("server", "environ", "proxy"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_proxy(server, environ, proxy):
    assert proxy_of(server, environ) == proxy
