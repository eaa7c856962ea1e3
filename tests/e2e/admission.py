"""An admission webhook of somebody else: it allows, it denies, or it does not answer at all.

In: a scene, and the kinds of objects that it is asked about. Out: an HTTPS server on loopback that the API server asks
before each write to the scene's namespace. Taken back when the block is left.
"""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from scene import Scene


class Admission(ThreadingHTTPServer):
    """The webhook. `denies` is its reason while it refuses; `away` ends it."""

    daemon_threads = True

    def __init__(self, scene: Scene, folder: Path, *kinds: str, group: str = "apps") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.denies = ""
        self._scene, self._name = scene, f"{scene.namespace}.example.com"
        key, self._certificate = _self_signed(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self._rule = {
            "apiGroups": [group],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"],
            "resources": list(kinds),
        }

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        self._scene.api.create(self._configuration())
        return self

    def __exit__(self, *problem: object) -> None:
        self._scene.api.delete("validatingwebhookconfigurations", "", self._name)
        self.away()

    def away(self) -> None:
        """It answers nobody any more, and is asked all the same."""
        self.shutdown()
        self.server_close()

    def _configuration(self) -> dict[str, Any]:
        url = f"https://127.0.0.1:{self.server_address[1]}/"
        bundle = base64.b64encode(self._certificate.read_bytes()).decode()
        labels = {"kubernetes.io/metadata.name": self._scene.namespace}
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": self._name},
            "webhooks": [
                {
                    "name": self._name,
                    "clientConfig": {"url": url, "caBundle": bundle},
                    "rules": [self._rule],
                    "namespaceSelector": {"matchLabels": labels},
                    "failurePolicy": "Fail",
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    "timeoutSeconds": 2,
                }
            ],
        }


class _Handler(BaseHTTPRequestHandler):
    server: Admission

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        denies = self.server.denies
        answer = {"uid": asked["request"]["uid"], "allowed": not denies}
        if denies:
            answer["status"] = {"message": denies}
        data = json.dumps({**asked, "request": None, "response": answer}).encode()
        with suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _self_signed(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    words += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    words += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    return key, certificate
