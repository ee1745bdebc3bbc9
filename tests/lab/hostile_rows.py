"""What the hostile world does, and what the daemon must make of it.

A row is asked about twice: as NAME with nothing stored, as NAME-bound with a
policy stored that binds. To add a case is to add a row.
"""

import gzip
from dataclasses import dataclass

from domains import GUARDED_KINDS

PLAIN = "Content-Type: text/plain"
OK = "HTTP/1.1 200 OK"
FETCH_TIMEOUT_MS = 6000
ANY = ""


@dataclass(frozen=True)
class Row:
    """
    fresh, bound   reasons that are right, without and with a stored policy
    why            what the log has to say: of the policy host in a row of
                   hostile.test, of the DNS in one of guarded.test. Behind
                   "|" is what newer libraries make of it: the first was seen
                   with curl 7.88 and OpenSSL 3.0, the second with curl 8.14
                   and 8.22, OpenSSL 3.5 and 3.6
    behaviour      of the policy host, see policyhost.py; a text is a row of
                   its CATALOGUE
    tamper         rules for tamper.py; {0} is the domain
    """

    name: str
    zone: str
    fresh: tuple
    bound: tuple
    why: str = ANY
    behaviour: object = None
    tamper: tuple = ()

    def domain(self, stored):
        """The domain that is asked about."""
        suffix = "-bound" if stored else ""
        return f"{self.name.lower()}{suffix}.{self.zone}"


# --- policy hosts: the stored policy binds all the same, and the zone is
# unsigned.


def fetch(name, why, behaviour=None, tamper=()):
    """A policy host from which no policy can be had."""
    return Row(name, "hostile.test", ("discovery-failed",), ("mx-insecure",),
               why, behaviour or name, tamper)


def answer(*head, body=""):
    """A response word for word."""
    return {"raw": "\r\n".join(head) + "\r\n\r\n" + body, "close": "notify"}


def bomb():
    """1 GB of zeros in a megabyte."""
    return gzip.compress(bytes(1 << 20), mtime=0).decode("latin-1") * 1000


FOR = "the certificate is for "
REFUSED = "certificate refused: "
LATE = f"no end after {FETCH_TIMEOUT_MS} ms, "
WAITING = LATE + "waiting for the response"
# OpenSSL from 3.5 on, of an end without close_notify.
BROKE_OFF = "|connection broke off: OpenSSL "
BROKE_OFF_LATE = "|connection broke off in the body: OpenSSL "

CERTIFICATES = {
    "wrong-name": FOR + "www.",
    "wrong-many": FOR + "host0.other.test",
    "wrong-octets": FOR + "a?[31m??.test",
    "parent-name": FOR + "cert-parent-name",
    "wildcard-high": FOR + "*.hostile.test",
    "wildcard-partial": FOR + "mta-*.",
    "wildcard-inner": FOR + "mta-sts.*.",
    "cn-only": FOR + "no DNS name",
    "cn-beside": FOR + "www.",
    "address-only": FOR + "no DNS name",
    "expired": REFUSED + "certificate has expired",
    "not-yet-valid": REFUSED + "certificate is not yet valid",
    "self-signed": REFUSED + "self-signed certificate",
    "unknown-ca": REFUSED + "unable to get local issuer",
    "no-intermediate": REFUSED + "unable to get local issuer",
    "client-only": REFUSED + "unsuitable certificate purpose",
}

# Every class, its edges, and what is no status at all. 1xx other than 101 are
# followed by a response, which never comes.
STATUSES = (201, 202, 203, 204, 205, 206, 207, 226, 299, 300, 304, 305, 306,
            309, 399, 400, 401, 403, 404, 405, 406, 407, 408, 410, 418, 421,
            425, 426, 429, 451, 499, 500, 501, 502, 503, 504, 511, 599, 999)

POLICY_HOSTS = (
    *(fetch(f"cert-{kind}", why) for kind, why in CERTIFICATES.items()),
    *(fetch(f"redirect-{code}", f"redirect ({code}) is not followed")
      for code in (301, 302, 303, 307, 308)),
    *(fetch(f"status-{code}", f"HTTP status {code}", {"status": code})
      for code in STATUSES),
    *(fetch(f"status-{code}", "not HTTP/1: |malformed status line",
            {"status": code})
      for code in ("20", "2000", "2OO", "-200", "OK")),
    fetch("status-000", "not HTTP/1: |HTTP status 0", {"status": "000"}),
    fetch("status-099", "not HTTP/1: |HTTP status 99", {"status": "099"}),
    fetch("switch-101", "HTTP status 101"),
    fetch("auth-401", "HTTP status 401"),
    # media type
    fetch("type-missing", "no Content-Type; it has to be text/plain"),
    *(fetch(f"type-{kind}", "not text/plain") for kind in (
        "empty", "html", "longer", "shorter", "comma", "octets")),
    fetch("type-several", "2 Content-Type headers"),
    fetch("type-folded", "a header that matters is folded|not text/plain"),
    # codings
    fetch("encoding-gzip", "Content-Encoding gzip was not asked for"),
    fetch("encoding-bomb", "Content-Encoding gzip was not asked for",
          {"headers": [["Content-Encoding", "gzip"]], "body": bomb()}),
    fetch("encoding-br", "Content-Encoding br was not asked for",
          {"headers": [["Content-Encoding", "br"]]}),
    fetch("transfer-gzip", "Transfer-Encoding gzip was not asked for|"
          "encoding that was not asked for: "),
    # size
    fetch("big-10MB", "body larger than 65536 octets",
          {"body_size": 10 << 20}),
    fetch("big-10MB-chunked", "body larger than 65536 octets",
          {"body_size": 10 << 20, "framing": "chunked"}),
    fetch("big-10MB-close", "body larger than 65536 octets",
          {"body_size": 10 << 20, "framing": "close", "close": "notify"}),
    fetch("big-length", "body larger than 65536 octets"),
    fetch("endless-body", "body larger than 65536 octets"),
    fetch("endless-interim", "header larger than 65536 octets"),
    fetch("head-lines", "header larger than 65536 octets"),
    fetch("head-line", "header larger than 65536 octets|header too large"),
    fetch("head-many", "header larger than 65536 octets|header too large",
          answer(OK, PLAIN, *(100000 * ["a:"]), body="body")),
    # time
    fetch("stall-accept", "no connection in time, in the TLS handshake"),
    fetch("stall-handshake", WAITING),
    fetch("stall-request", WAITING),
    fetch("stall-body", LATE + "in the body"),
    fetch("drip-head", WAITING),
    fetch("drip-body", LATE + "in the body"),
    # ends
    fetch("reset-accept", "TLS handshake failed: "),
    fetch("reset-request", "connection broke off: "),
    fetch("reset-body", "connection broke off in the body: "),
    fetch("short-notify", "body shorter than announced: "),
    fetch("short-bare", "body shorter than announced: " + BROKE_OFF_LATE),
    fetch("close-bare", "connection closed in the body" + BROKE_OFF_LATE),
    fetch("chunked-cut-notify", "body shorter than announced: "),
    fetch("chunked-cut-bare",
          "body shorter than announced: " + BROKE_OFF_LATE),
    fetch("head-cut-notify", "connection closed in the response header"),
    fetch("head-cut-bare",
          "connection closed in the response header" + BROKE_OFF),
    fetch("head-cut-line", "connection closed in the response header"),
    fetch("nothing-notify", "no response: "),
    fetch("nothing-bare", "no response: " + BROKE_OFF),
    # neither HTTP nor TLS
    fetch("http09", "not HTTP/1"),
    fetch("http2", "not HTTP/1", answer("HTTP/2 200", PLAIN, body="body")),
    fetch("garbage", "not HTTP/1: "),
    fetch("length-negative", "malformed response: "),
    fetch("length-two", "Content-Length headers that differ|malformed response",
          answer(OK, PLAIN, "Content-Length: 5", "Content-Length: 4",
                 body="body")),
    fetch("plain-http", "TLS handshake failed: "),
    fetch("tls10", "TLS handshake failed: "),
    fetch("tls11", "TLS handshake failed: "),
    # bodies that are no policy
    fetch("body-empty", "policy", {"body": ""}),
    fetch("body-html", "policy", {"body": "<html>no</html>\r\n"}),
    fetch("body-nul", "policy", {"body": "version: STSv1\r\n\0"}),
    fetch("body-64K", "policy", {"body": 65000 * "x"}),
)


# --- addresses of policy hosts

ADDRESSES = {
    "loopback": ("A", "127.0.0.1", "loopback"),
    "loopback-far": ("A", "127.255.255.254", "loopback"),
    "link-local": ("A", "169.254.169.254", "link-local"),
    "ten": ("A", "10.1.2.3", "private"),
    "one-seven-two": ("A", "172.31.255.1", "private"),
    "one-nine-two": ("A", "192.168.0.1", "private"),
    "cgn": ("A", "100.64.0.1", ANY),
    "this-network": ("A", "0.0.0.0", ANY),
    "broadcast": ("A", "255.255.255.255", ANY),
    "multicast": ("A", "224.0.0.1", ANY),
    "documentation": ("A", "192.0.2.1", ANY),
    "six-loopback": ("AAAA", "::1", "loopback"),
    "six-any": ("AAAA", "::", ANY),
    "six-link-local": ("AAAA", "fe80::1", "link-local"),
    "six-private": ("AAAA", "fd00::1", "private"),
    "six-multicast": ("AAAA", "ff02::1", ANY),
    "mapped": ("AAAA", "::ffff:127.0.0.1", "loopback"),
    "mapped-ten": ("AAAA", "::ffff:10.1.2.3", "private"),
    "compatible": ("AAAA", "::127.0.0.1", ANY),
    "nat64": ("AAAA", "64:ff9b::7f00:1", "loopback"),
    "nat64-ten": ("AAAA", "64:ff9b::a01:203", "private"),
    "nat64-local": ("AAAA", "64:ff9b:1::a01:203", ANY),
    "six-to-four": ("AAAA", "2002:7f00:1::", "loopback"),
}


def address(name, kind, text, what):
    """A policy host at an address that a stranger must not lead us to."""
    other = "AAAA" if kind == "A" else "A"
    return fetch(f"address-{name}", f"is refused ({what}", "ok-close", (
        f"mta-sts.{{0}} {kind} forge 60 {text}",
        f"mta-sts.{{0}} {other} nodata"))


# --- DNS: the zone is signed, and what is not tampered with is secure.

BROKEN = ("mx-bogus", "mx-failed", "mx-insecure", "deadline")
BROKEN_HOST = ("address-bogus", "address-failed", "address-insecure",
               "deadline")
BROKEN_TLSA = ("tlsa-bogus", "tlsa-failed", "tlsa-insecure")
UNKNOWN = ("discovery-bogus", "discovery-failed", "deadline")
SECURE = ("secure",)

# Where it makes a difference. What the resolver recovers from is no fault.
HARMLESS = {"truncate-udp"}
FORGED = {
    "mx": ("{0} MX forge 60 '10 mx.evil.test.'",),
    "a": ("mx.{0} A forge 60 192.0.2.66",),
    "txt": ("_mta-sts.{0} TXT forge 60 '\"v=STSv1; id=evil;\"'",),
}
FORGED["all"] = FORGED["mx"] + FORGED["a"] + FORGED["txt"]
WHERE = {"mx": ("{0} MX",), "a": ("mx.{0} A", "mx.{0} AAAA"),
         "txt": ("_mta-sts.{0} TXT",), "all": ("{0} *", ".{0} *")}


def rules(what, action):
    """For tamper.py."""
    if action == "forge":
        return FORGED[what]
    words = {"sig-flood": "sig-flood 100", "truncate-udp": "truncate"}
    return tuple(f"{where} {words.get(action, action)}"
                 for where in WHERE[what])


def tampered(name):
    """A row of GUARDED_KINDS such as mx-strip."""
    what, action = name.split("-", 1)
    reasons = {
        "mx": (BROKEN, BROKEN),
        "a": (BROKEN_HOST, BROKEN_HOST),
        "txt": (SECURE, SECURE),  # T-11, T-12
        "all": (UNKNOWN, BROKEN + BROKEN_HOST),
    }[what]
    if name in ("all-strip", "all-forge"):
        # The policy host can be found (T-11).
        reasons = (BROKEN + BROKEN_HOST, BROKEN + BROKEN_HOST)
    if action in HARMLESS:
        reasons = (SECURE, SECURE)
    elif action == "sig-flood":
        # The good one may be found in time.
        broken = SECURE + BROKEN + BROKEN_HOST + BROKEN_TLSA
        reasons = (broken + UNKNOWN, broken)
    return Row(name, "guarded.test", *reasons, behaviour="ok",
               tamper=rules(what, action))


def guarded(name, fresh, bound):
    """A row of GUARDED_KINDS with records of its own."""
    return Row(name, "guarded.test", fresh, bound, behaviour="ok")


OWN = (
    guarded("self-cname", BROKEN_HOST, BROKEN_HOST),
    guarded("self-mx", ("no-usable-host",), ("no-usable-host",)),
    guarded("self-mxs", ("no-usable-host",), ("no-usable-host",)),
    guarded("self-txt", SECURE, SECURE),  # T-12
    guarded("self-ns", UNKNOWN, BROKEN),
    guarded("policy-loop", UNKNOWN + SECURE, SECURE),
    guarded("txt-chain", SECURE, SECURE),  # T-12
)

ROWS = (
    *POLICY_HOSTS,
    *(address(name, *rest) for name, rest in ADDRESSES.items()),
    *OWN,
    *(tampered(name) for name in GUARDED_KINDS
      if name not in {row.name for row in OWN}),
)
