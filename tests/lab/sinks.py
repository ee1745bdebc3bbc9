"""The process of sink.py, and the certificates that it presents."""

import hashlib
import os
import sys

from process import LabError, accepts

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 25

# What an MX host does about TLS: the kind of leaf that it presents.
MODES = {
    "ok": "mx-hosts",  # the key of the TLSA records; from the lab's CA
    "other-key": "mx-hosts-2",  # the same, but for the key
    "untrusted": "mx-untrusted",  # a certificate that nobody vouches for
    "plain": None,  # no STARTTLS
}


def spki_digest(chain_path):
    """What a TLSA record "3 1 1" holds."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    with open(chain_path, "rb") as f:
        certificate = x509.load_pem_x509_certificate(f.read())
    return hashlib.sha256(certificate.public_key().public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)).hexdigest()


class Sinks:
    """All MX hosts of the lab; they share one address and one key."""

    NAME = "sink"

    def __init__(self, lab_dir, processes, ca_dir):
        self.mail_dir = os.path.join(lab_dir, "mail")
        self.processes = processes
        self.ca_dir = ca_dir

    def _leaf(self, kind):
        import ca
        from domains import DOMAINS
        names = sorted({domain.absolute(host.name) for domain in DOMAINS
                        for host in domain.hosts})
        ca.KINDS.update({
            "mx-hosts": ca.Kind(names=tuple(names)),
            "mx-hosts-2": ca.Kind(names=tuple(names)),
            "mx-untrusted": ca.Kind(names=tuple(names), issuer="stranger"),
        })
        return ca.Authority(self.ca_dir).issue("mx", kind)

    def tlsa(self):
        """The digest for the zones."""
        return spki_digest(self._leaf(MODES["ok"]).chain_path)

    def start(self, address, mode="ok"):
        """Serve in one of MODES."""
        if mode not in MODES:
            raise LabError(f"{mode}: there are " + ", ".join(MODES))
        os.makedirs(self.mail_dir, exist_ok=True)
        argv = [sys.executable, "-B", os.path.join(HERE, "sink.py")]
        if MODES[mode]:
            argv += ["--tls", *self._leaf(MODES[mode])]
        self.processes.start(self.NAME, [*argv, self.mail_dir, address],
                             lambda: accepts(address, PORT))

    def restart(self, address, mode):
        """The same in another mode; mail that was kept stays."""
        self.processes.stop(self.NAME)
        self.start(address, mode)
