"""A door with TLS in front of each workspace, for clients that insist on it.

Databricks Connect opens a TLS channel to the port of its host, whatever the host's scheme says.
Behind the door, what negotiates HTTP/2 alone (gRPC does) is Spark Connect, and everything else is
the workspace's API: the server prefers HTTP/1.1 wherever a client offers both. Certificates are
made here, by an authority that is only this data directory's own: `run/tls-ca.pem`, and with the
usual ones `run/tls-bundle.pem`, which clients are told to trust. The door adds no rights: every
request behind it needs its token.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from brickyard.workspace.kernel.home import Home
from brickyard.workspace.kernel.loopback import LOOPBACK, listen

NAMES: Final = ("localhost",)
ADDRESSES: Final = ("127.0.0.1", "::1")
VALID: Final = timedelta(days=365)
RENEW: Final = timedelta(days=30)
CHUNK_BYTES: Final = 256 * 1024
HANDSHAKE_S: Final = 15
GRPC: Final = "h2"

Port = Callable[[], int]


async def open_doors(
    home: Home, ports: Mapping[str, int], behind: Mapping[str, int], grpc_port: Port
) -> Mapping[str, str]:
    """Listen with TLS until the loop ends; the addresses, by workspace.

    `behind` are the ports of the API; `grpc_port` is asked, in a thread, at the first gRPC client.
    """
    context = await asyncio.to_thread(_context, home)
    addresses = {}
    for name, port in ports.items():
        sock = listen(port)
        door = _Door(behind[name], grpc_port)
        await asyncio.start_server(
            door.enter, sock=sock, ssl=context, ssl_handshake_timeout=HANDSHAKE_S
        )
        addresses[name] = f"https://localhost:{sock.getsockname()[1]}"
    return addresses


def authority_file(home: Home) -> Path:
    """The certificate that clients are to trust."""
    return home.run / "tls-ca.pem"


def bundle_file(home: Home) -> Path:
    """The same behind those that are trusted anyway, for settings that replace the usual file."""
    return home.run / "tls-bundle.pem"


class _Door:
    def __init__(self, api_port: int, grpc_port: Port) -> None:
        self._api_port = api_port
        self._grpc_port = grpc_port

    async def enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        channel = writer.get_extra_info("ssl_object")
        is_grpc = channel is not None and channel.selected_alpn_protocol() == GRPC
        port = await asyncio.to_thread(self._grpc_port) if is_grpc else self._api_port
        try:
            inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass(reader, inner_writer), _pass(inner_reader, writer))


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while data := await source.read(CHUNK_BYTES):
            target.write(data)
            await target.drain()
    with contextlib.suppress(OSError):
        target.close()


def _context(home: Home) -> ssl.SSLContext:
    chain = home.keys / "tls.pem"  # key, certificate, authority
    if not _is_fresh(chain) or not authority_file(home).exists():
        _make(home, chain)
    _write(bundle_file(home), _usual() + authority_file(home).read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    context.set_alpn_protocols(["http/1.1", GRPC])  # in this order: the server's choice counts
    return context


def _usual() -> bytes:
    """The authorities that this machine trusts, as far as they are in one file."""
    named = (os.environ.get(name, "") for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))
    places = [*named, ssl.get_default_verify_paths().cafile or ""]
    with contextlib.suppress(ImportError):
        import certifi

        places.append(certifi.where())
    for place in filter(None, places):
        with contextlib.suppress(OSError):
            return Path(place).read_bytes().rstrip() + b"\n"
    return b""


def _is_fresh(chain: Path) -> bool:
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(chain.read_bytes())
    except (OSError, ValueError):
        return False
    return found[0].not_valid_after_utc - datetime.now(UTC) > RENEW


def _make(home: Home, chain: Path) -> None:
    """A new authority, which signs one certificate and is forgotten but for its own."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = _named("Brickyard embedded workspace: this machine's own authority")
    authority = _signed(name, name, authority_key.public_key(), authority_key, is_authority=True)
    leaf = _signed(_named("localhost"), name, key.public_key(), authority_key, is_authority=False)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(chain, private + leaf.public_bytes(pem) + authority.public_bytes(pem))
    _write(authority_file(home), authority.public_bytes(pem))


def _named(text: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(subject: Any, issuer: Any, key: Any, signer: Any, *, is_authority: bool) -> Any:
    """A certificate with what RFC 5280 asks of its kind."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    now = datetime.now(UTC)
    uses = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
        .add_extension(
            x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None),
            critical=True,
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_authority,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                encipher_only=False,
                decipher_only=False,
                **uses,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if not is_authority:
        names = [x509.DNSName(one) for one in NAMES]
        addresses = [x509.IPAddress(ip_address(one)) for one in ADDRESSES]
        builder = builder.add_extension(
            x509.SubjectAlternativeName([*names, *addresses]), critical=False
        ).add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)
