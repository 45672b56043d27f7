"""Certificates for Patroni's REST API and for PostgreSQL."""

from __future__ import annotations

import functools
import ssl
import subprocess
from pathlib import Path
from typing import Any

from .basics import Failure
from .processes import Account

OPENSSL = "/usr/bin/openssl"


class Certificates:
    """A CA, a server certificate for each member, and one for all clients, Patroni itself among them."""

    def __init__(self, state_dir: Path) -> None:
        self.directory = state_dir / "tls"
        self.ca = self.certificate("ca")

    def certificate(self, name: str) -> Path:
        return self.directory / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.directory / f"{name}.key"

    def create(self, servers: dict[str, str], account: Account) -> None:
        """Makes what is not there yet; servers are the members' names and addresses."""
        self.directory.mkdir(exist_ok=True)
        self.directory.chmod(0o755)
        self.make("ca", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")
        for name, address in servers.items():
            self.make(name, f"subjectAltName=IP:{address},DNS:localhost", "extendedKeyUsage=serverAuth")
            account.own(self.key(name))
        self.make("client", "extendedKeyUsage=clientAuth")
        self.key("client").chmod(0o644)  # it opens nothing but this testbed

    def make(self, name: str, *extensions: str) -> None:
        if self.certificate(name).exists():
            return
        command = [OPENSSL, "req", "-x509", "-config", "-", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                   "-nodes", "-days", "3650", "-subj", f"/CN=testbed {name}",
                   "-keyout", str(self.key(name)), "-out", str(self.certificate(name))]
        if name != "ca":
            command += ["-CA", str(self.ca), "-CAkey", str(self.key("ca")), "-addext", "basicConstraints=CA:FALSE"]
        for extension in extensions:
            command += ["-addext", extension]
        # Its own configuration instead of the machine's: every extension is named above.
        made = subprocess.run(command, input="[req]\ndistinguished_name = name\n[name]\n",
                              capture_output=True, text=True)
        if made.returncode != 0:
            raise Failure(f"openssl made no certificate for {name}", *made.stderr.splitlines())
        self.certificate(name).chmod(0o644)

    @functools.cached_property
    def context(self) -> ssl.SSLContext:
        """What a client needs."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.certificate("client"), self.key("client"))
        return context

    def patroni_settings(self, name: str, verify_client: str) -> dict[str, Any]:
        """The TLS part of a member's configuration, as a server and as a client of the other members."""
        return {
            "restapi": {
                "certfile": str(self.certificate(name)),
                "keyfile": str(self.key(name)),
                "cafile": str(self.ca),
                "verify_client": verify_client,
            },
            "ctl": {
                "cacert": str(self.ca),
                "certfile": str(self.certificate("client")),
                "keyfile": str(self.key("client")),
            },
        }

    def postgres_settings(self, name: str) -> dict[str, Any]:
        return {"ssl": "on", "ssl_cert_file": str(self.certificate(name)), "ssl_key_file": str(self.key(name))}
