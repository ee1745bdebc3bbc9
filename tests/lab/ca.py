#!/usr/bin/python3
"""A private certificate authority for tests: good leaves and bad ones.

    authority = Authority(directory)
    authority.root_path               what a client is told to trust
    leaf = authority.issue(host, "expired")
    leaf.chain_path, leaf.key_path    what a server presents

    ca.py DIRECTORY                   makes the root, prints its path
    ca.py DIRECTORY HOST [KIND]       prints the paths of chain and key

A directory keeps its authority: root and leaves are made once. KINDS says
which leaves there are; each differs from a good one in one thing only.
"""

import datetime
import fcntl
import ipaddress
import os
import pathlib
import sys
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


class Leaf(NamedTuple):
    chain_path: str
    key_path: str


class Kind(NamedTuple):
    """What a leaf certificate is like; the defaults make a good one."""

    names: tuple = ("{host}",)  # DNS names; {parent}, {grandparent}: above host
    common_name: str = "policy host"
    starts: int = -1  # days from today
    ends: int = 30
    issuer: str = "root"  # root, intermediate, stranger, self
    send_intermediate: bool = True
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH
    address: str = ""  # an IP address beside the names


KINDS = {
    "good": Kind(),
    "many-names": Kind(names=("www.other.test", "{host}", "x.other.test")),
    "intermediate": Kind(issuer="intermediate"),
    "wildcard": Kind(names=("*.{parent}",)),
    "wrong-name": Kind(names=("www.{parent}", "mail.other.test")),
    "wrong-many": Kind(names=tuple(f"host{n}.other.test" for n in range(60))),
    "wrong-octets": Kind(names=("a\x1b[31m\r\n.test",)),
    "parent-name": Kind(names=("{parent}",)),
    "wildcard-high": Kind(names=("*.{grandparent}",)),
    "wildcard-partial": Kind(names=("mta-*.{parent}", "m*.{parent}")),
    "wildcard-inner": Kind(names=("mta-sts.*.{grandparent}",)),
    "cn-only": Kind(names=(), common_name="{host}"),
    "cn-beside": Kind(names=("www.{parent}",), common_name="{host}"),
    "address-only": Kind(names=(), address="127.80.9.1"),
    "expired": Kind(starts=-60, ends=-1),
    "not-yet-valid": Kind(starts=10),
    "ends-soon": Kind(ends=10),
    "self-signed": Kind(issuer="self"),
    "unknown-ca": Kind(issuer="stranger"),
    "no-intermediate": Kind(issuer="intermediate", send_intermediate=False),
    "client-only": Kind(usage=ExtendedKeyUsageOID.CLIENT_AUTH),
}


class Signer(NamedTuple):
    """Somebody who signs: certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _builder(subject, key, starts, ends):
    today = datetime.datetime.utcnow()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today + starts * DAY)
        .not_valid_after(today + ends * DAY)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
            critical=False,
        )
    )


def _sign(builder, signer):
    public = signer.key.public_key()
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(public),
        critical=False,
    )
    return builder.sign(signer.key, hashes.SHA256())


def _key_usage(signs_certificates):
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _make_signer(text, above=None):
    """A root, or with somebody above it an intermediate."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = above.certificate.subject if above else _name(text)
    builder = (
        _builder(_name(text), key, -365, 3650)
        .issuer_name(issuer)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .add_extension(_key_usage(True), critical=True)
    )
    signed = _sign(builder, Signer(None, above.key if above else key))
    return Signer(signed, key)


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _alternative_names(kind, fill):
    names = [
        # The constructor refuses octets that a stranger's CA might sign.
        x509.DNSName._init_without_validation(name.format(**fill))
        for name in kind.names
    ]
    if kind.address:
        names.append(x509.IPAddress(ipaddress.ip_address(kind.address)))
    return names


class Authority:
    """Root, intermediate and a stranger's root in one directory."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._locked():
            self.signers = {"root": self._signer("root", "Test root")}
            self.signers["intermediate"] = self._signer(
                "intermediate", "Test intermediate", self.signers["root"]
            )
            self.signers["stranger"] = self._signer("stranger", "Strange root")
        self.root_path = str(self.directory / "root.pem")

    def issue(self, host, kind="good"):
        """The leaf of that kind for host; made when first asked for."""
        leaf = Leaf(
            str(self.directory / f"{host}.{kind}.chain.pem"),
            str(self.directory / f"{host}.{kind}.key.pem"),
        )
        with self._locked():
            if not os.path.exists(leaf.chain_path):
                self._make_leaf(host, KINDS[kind], leaf)
        return leaf

    def _locked(self):
        # Closing the file releases the lock.
        lock = open(self.directory / "lock", "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    def _signer(self, file_name, text, above=None):
        chain_path = self.directory / f"{file_name}.pem"
        key_path = self.directory / f"{file_name}.key.pem"
        if not chain_path.exists():
            signer = _make_signer(text, above)
            key_path.write_bytes(_key_pem(signer.key))
            chain_path.write_bytes(_pem(signer.certificate))
        return Signer(
            x509.load_pem_x509_certificate(chain_path.read_bytes()),
            serialization.load_pem_private_key(key_path.read_bytes(), None),
        )

    def _make_leaf(self, host, kind, leaf):
        parent = host.partition(".")[2]
        fill = {
            "host": host,
            "parent": parent,
            "grandparent": parent.partition(".")[2],
        }
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(kind.common_name.format(**fill))
        builder = _builder(subject, key, kind.starts, kind.ends)
        signer = self.signers.get(kind.issuer, Signer(None, key))
        issuer = signer.certificate.subject if signer.certificate else subject
        builder = (
            builder.issuer_name(issuer)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(_key_usage(False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([kind.usage]), critical=False)
        )
        names = _alternative_names(kind, fill)
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(names), critical=False
            )
        chain = [_sign(builder, signer)]
        if kind.issuer == "intermediate" and kind.send_intermediate:
            chain.append(signer.certificate)
        pathlib.Path(leaf.key_path).write_bytes(_key_pem(key))
        pathlib.Path(leaf.chain_path).write_bytes(b"".join(map(_pem, chain)))


def main(arguments):
    if not 1 <= len(arguments) <= 3 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 64
    authority = Authority(arguments[0])
    if len(arguments) == 1:
        print(authority.root_path)
    else:
        print(*authority.issue(*arguments[1:]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
