"""Every domain of the lab, one row each.

world.py makes DNS zones of the rows, the HTTPS part serves their policies, and
the end-to-end tests read from them what the verdict must be. To add a case is
to add a row.
"""

from dataclasses import dataclass, field
from typing import Optional

DAY = 86400


@dataclass(frozen=True)
class Host:
    """A host in its domain's zone. a: last octets within Net.mx()."""

    name: str
    a: tuple = (1,)
    aaaa: bool = True  # ::1
    tlsa: bool = True


@dataclass(frozen=True)
class Policy:
    """A policy body. mx None: the domain's own MX hosts."""

    dnssec: Optional[str] = "yes"
    mode: str = "enforce"
    max_age: int = DAY
    mx: Optional[tuple] = None
    raw: Optional[str] = None  # the whole body instead


@dataclass(frozen=True)
class Domain:
    """
    signed       nsec, nsec3, optout; no: insecure delegation; expired,
                 not-yet: signatures valid from tomorrow on; other-key:
                 signatures by a key that no DS names, beside the right DNSKEY;
                 wrong-ds; no-sigs: a DS, but an unsigned zone; algorithm,
                 digest: the same, with a DS of a kind that nobody knows;
                 iterations: NSEC3 with too many; keytrap: many keys with
                 one tag; lame: its server refuses; dead: its server is not
                 there
    reason       of the verdict with default options and nothing stored
    stored       the same when a policy with the flag is stored; "": as reason
    mx           (preference, host); a host without a final dot is in the zone
    txt          None: one good record; (): none
    policy_host  see POLICY_HOSTS
    zone         more lines; %(policy)s, %(mx)s: addresses
    spoil        (owner, type) whose RRSIG is broken; "@" is the zone
    """

    name: str
    case: str
    reason: str = "secure"
    stored: str = ""
    signed: str = "nsec"
    mx: tuple = ((10, "mx1"),)
    hosts: tuple = (Host("mx1"),)
    txt: Optional[tuple] = None
    policy: Optional[Policy] = field(default_factory=Policy)
    policy_host: str = "ok"
    zone: tuple = ()
    spoil: tuple = ()
    sig_seconds: int = 30 * DAY
    ttl: int = 3600

    @property
    def policy_id(self):
        letters = "".join(c for c in self.name if c.isalnum())
        return "20260101" + letters[:24]

    @property
    def txt_records(self):
        if self.txt is not None:
            return self.txt
        return (f'"v=STSv1; id={self.policy_id};"',)

    def absolute(self, name):
        if name.endswith("."):
            return name[:-1]
        return self.name if name == "@" else f"{name}.{self.name}"

    @property
    def mx_hosts(self):
        """Absolute names without the final dot; "" for a null MX."""
        return tuple(self.absolute(host) for _, host in self.mx)

    @property
    def policy_body(self):
        """The body in octets; None when there is none."""
        policy = self.policy
        if policy is None:
            return None
        if policy.raw is not None:
            return policy.raw.encode()
        names = policy.mx
        if names is None:
            names = [host for host in self.mx_hosts if host] or [self.name]
        lines = ["version: STSv1", f"mode: {policy.mode}"]
        lines += [f"mx: {name}" for name in names]
        lines.append(f"max_age: {policy.max_age}")
        if policy.dnssec is not None:
            lines.append(f"dnssec: {policy.dnssec}")
        return "".join(line + "\r\n" for line in lines).encode()


# What the policy host mta-sts.<domain> does. The last octet within
# Net.policy() that its A record holds; None: no address record.
POLICY_HOSTS = {
    "ok": 1,
    "none": None,
    "ipv6": None,  # AAAA ::1 alone
    "two": 1,  # nothing listens on a second address
    "alias": None,  # CNAME to the policy host of secure.test (F-13)
    "closed": 9,  # nothing listens
    "404": 1,
    "redirect": 1,  # F-06
    "slow": 1,  # takes the request and never answers
    "large": 1,  # more than fetch_max_bytes (F-09)
    "short": 1,  # less than Content-Length says (F-10)
    "html": 1,  # media type text/html (F-07)
    "no-type": 1,  # no media type at all
    "wrong-name": 1,  # certificate of another name (F-04)
    "self-signed": 1,  # F-03
    "expired": 1,  # F-03
    "old-tls": 1,  # TLS 1.1 at most (F-15)
}


def numbered(n):
    return tuple(Host(f"mx{i}", aaaa=False) for i in range(1, n + 1))


def numbered_mx(n):
    return tuple((i, f"mx{i}") for i in range(1, n + 1))


def registry(name, case, signed):
    return Domain(name, case, "no-policy", "no-usable-host", signed, (), (), (), None, "none")


def hole(name, case, signed):
    """A domain that cannot be looked up at all."""
    return Domain(name, case, "discovery-failed", "mx-failed", signed, policy_host="none")


def fetch(name, case, policy_host):
    """A signed domain of which the policy cannot be had (C-06)."""
    return Domain(name, case, "discovery-failed", "secure", policy_host=policy_host)


# Subdomains of guarded.test, for hostile.py: the DNS answers about all of them
# are good, but for those of which something is said here. One of each is asked
# about with a policy stored, one without.
GUARDED_KINDS = {
    **{f"{what}-{action}": () for what in ("mx", "a", "txt", "all") for action in (
        "strip", "forge", "drop", "truncate", "truncate-udp", "wrong-question",
        "other-name", "garbage", "sig-flood", "servfail", "formerr", "refused",
        "nodata", "nxdomain")},
    # Their own records, instead of those of guarded_lines().
    "self-cname": ("mx.{0} CNAME mx.{0}",),
    "self-mx": ("{0} MX 10 {0}",),
    "self-mxs": tuple("{0} MX %d {0}" % n for n in range(1, 20)),
    "self-txt": ("_mta-sts.{0} CNAME _mta-sts.{0}",),
    "self-ns": ("{0} NS ns.{0}",),
    "policy-loop": ("mta-sts.{0} CNAME mta-sts.{0}",),
    "txt-chain": ("_mta-sts.{0} CNAME l1", ),
}


def guarded_lines(name, own):
    """Lines of the zone guarded.test for one of its subdomains."""
    lines = {
        f"{name} MX": "10 mx." + name,
        f"mx.{name} A": "%(mx)s",
        f"_mta-sts.{name} TXT": '"v=STSv1; id=hostile1;"',
        f"mta-sts.{name} A": "%(policy)s",
    }
    own = [line.format(name) for line in own]
    for line in own:
        owner, kind = line.split()[:2]
        if kind == "NS":
            return own
        lines = {key: rest for key, rest in lines.items() if key != f"{owner} {kind}"
                 and not (kind == "CNAME" and key.startswith(owner + " "))}
    return own + [f"{key} {rest}" for key, rest in lines.items()]


GUARDED_ZONE = tuple(
    line
    for kind, own in GUARDED_KINDS.items()
    for suffix in ("", "-bound")
    for line in guarded_lines(kind + suffix, own)
) + tuple(f"l{i} CNAME l{i + 1}" for i in range(1, 20))

# Subdomains of greedy.test, for hostile.py: as many MX hosts as are looked at,
# each in a zone whose servers that test silences.
GREEDY = 64
GREEDY_ZONE = tuple(
    f"d{n} MX {i} h{i}.d{n}.silent.hostile.test." for n in range(GREEDY) for i in range(32)
)

MX_ALIASES = tuple(f"l{i} CNAME l{i + 1}" for i in range(1, 8))
LONG_CHAIN = tuple(f"l{i} CNAME l{i + 1}" for i in range(1, 20))

DOMAINS = (
    # --- registries
    registry("nsec3.test", "a registry with NSEC3", "nsec3"),
    registry("optout.test", "a registry with NSEC3 opt-out", "optout"),
    # --- all is well
    Domain(
        "secure.test",
        "secure, with TLSA",
        mx=((10, "mx1"), (20, "mx2")),
        hosts=(Host("mx1"), Host("mx2", aaaa=False)),
    ),
    Domain("notlsa.test", "secure without TLSA (D-16)", hosts=(Host("mx1", tlsa=False),)),
    Domain(
        "notlsa-testing.test",
        "mode testing, secure without TLSA (A-03)",
        hosts=(Host("mx1", tlsa=False),),
        policy=Policy(mode="testing"),
    ),
    Domain("secure.nsec3.test", "secure, NSEC3", signed="nsec3"),
    Domain("secure.optout.test", "signed below an opt-out registry"),
    Domain("testing.test", "mode testing binds (D-03)", policy=Policy(mode="testing")),
    Domain("modenone.test", "mode none binds (D-04)", policy=Policy(mode="none")),
    Domain("implicit.test", "no MX: the domain itself (D-09)", mx=(), hosts=(Host("@"),)),
    Domain("xn--strae-oqa.test", "an A-label (R-04): with a sharp s"),
    Domain("a_b.test", "an underscore (R-16)"),
    Domain(
        "wild.test",
        "wildcards (D-23): any name below it receives mail",
        hosts=(Host("mx1"), Host("*.hosts")),
        zone=("* MX 10 any.hosts",),
    ),
    Domain(
        "wild.nsec3.test",
        "wildcards with NSEC3 (D-23)",
        signed="nsec3",
        mx=((10, "any.hosts"),),
        hosts=(Host("*.hosts"),),
    ),
    Domain("soon.test", "signatures expire before the TTL (S-05)", sig_seconds=1800),
    Domain("short.test", "a short TTL", ttl=2),
    # --- policies that do not bind
    Domain(
        "plain.test",
        "neither DNSSEC nor policy",
        "no-policy",
        "mx-insecure",
        "no",
        txt=(),
        policy=None,
        policy_host="none",
    ),
    Domain(
        "noflag.test",
        "a policy without the flag",
        "no-dnssec-flag",
        "no-dnssec-flag",
        "no",
        policy=Policy(dnssec=None),
    ),
    Domain(
        "mtasts.test",
        "mode enforce without the flag, and TLSA (S-07)",
        "no-dnssec-flag",
        "no-dnssec-flag",
        policy=Policy(dnssec=None),
    ),
    Domain(
        "mtasts-mixed.test",
        "the same, but one host of two without TLSA (S-01)",
        "no-dnssec-flag",
        "no-dnssec-flag",
        mx=((10, "mx1"), (20, "mx2")),
        hosts=(Host("mx1"), Host("mx2", tlsa=False)),
        policy=Policy(dnssec=None),
    ),
    Domain(
        "dane.test",
        "no policy, but DNSSEC and TLSA (dane_for_all)",
        "no-policy",
        "secure",
        txt=(),
        policy=None,
        policy_host="none",
    ),
    Domain(
        "flagno.test",
        "dnssec: no",
        "no-dnssec-flag",
        "no-dnssec-flag",
        "no",
        policy=Policy(dnssec="no"),
    ),
    Domain(
        "flagcase.test",
        "dnssec: YES is undefined (K6)",
        "no-dnssec-flag",
        "no-dnssec-flag",
        "no",
        policy=Policy(dnssec="YES"),
    ),
    # --- insecure
    Domain("unsigned.test", "announced, but unsigned (D-05)", "mx-insecure", signed="no"),
    Domain("xn--53h.test", "a symbol (R-20), unsigned", "mx-insecure", signed="no"),
    Domain(
        "unsigned.optout.test", "unsigned below an opt-out registry", "mx-insecure", signed="no"
    ),
    Domain("unsigned.nsec3.test", "unsigned below an NSEC3 registry", "mx-insecure", signed="no"),
    Domain(
        "implicit-unsigned.test",
        "unsigned absence of MX (D-12)",
        "mx-insecure",
        signed="no",
        mx=(),
        hosts=(Host("@"),),
    ),
    Domain(
        "mxunsigned.test",
        "the MX host is in an unsigned zone",
        "address-insecure",
        mx=((10, "mx1.unsigned.test."),),
        hosts=(),
    ),
    Domain(
        "mixed.test",
        "one host of two is insecure (D-13)",
        "address-insecure",
        mx=((10, "mx1"), (20, "mx1.unsigned.test.")),
    ),
    Domain(
        "cnameunsigned.test",
        "an alias into an unsigned zone (D-17)",
        "address-insecure",
        mx=((10, "mx1"),),
        hosts=(),
        zone=("mx1 CNAME mx1.unsigned.test.",),
    ),
    Domain(
        "tlsaunsigned.test",
        "TLSA by alias in an unsigned zone (D-15)",
        "tlsa-insecure",
        hosts=(Host("mx1", tlsa=False),),
        zone=("_25._tcp.mx1 CNAME _25._tcp.mx1.unsigned.test.",),
    ),
    # --- bogus
    Domain("expired.test", "RRSIGs expired (T-11)", "mx-bogus", signed="expired"),
    Domain("wrongds.test", "the DS is another key's (T-11)", "mx-bogus", signed="wrong-ds"),
    Domain("nosigs.test", "a DS, but no signatures (T-11)", "mx-bogus", signed="no-sigs"),
    Domain(
        "bogusplain.test",
        "RRSIGs expired, and no policy (C-10, K9)",
        "discovery-bogus",
        "mx-bogus",
        "expired",
        txt=(),
        policy=None,
        policy_host="none",
    ),
    Domain("badmx.test", "the MX set's RRSIG is broken", "mx-bogus", spoil=(("@", "MX"),)),
    Domain("bada.test", "the A set's RRSIG is broken", "address-bogus", spoil=(("mx1", "A"),)),
    Domain(
        "badaaaa.test", "the AAAA set's RRSIG is broken", "address-bogus", spoil=(("mx1", "AAAA"),)
    ),
    Domain(
        "badtlsa.test",
        "the TLSA set's RRSIG is broken",
        "tlsa-bogus",
        spoil=(("_25._tcp.mx1", "TLSA"),),
    ),
    Domain(
        "aliastlsa.test",
        "the TLSA set's RRSIG is broken where the MX host's alias leads to (D-15)",
        "tlsa-bogus",
        hosts=(Host("real"),),
        zone=("mx1 CNAME real",),
        spoil=(("_25._tcp.real", "TLSA"),),
    ),
    Domain(
        "mxbogus.test",
        "the MX host is in a bogus zone",
        "address-bogus",
        mx=((10, "mx1.expired.test."),),
        hosts=(),
    ),
    # --- null MX, no hosts
    Domain("nullmx.test", "signed null MX (D-10)", "null-mx", mx=((0, "."),), hosts=()),
    Domain(
        "nullmx-unsigned.test",
        "unsigned null MX (D-10)",
        "mx-insecure",
        signed="no",
        mx=((0, "."),),
        hosts=(),
    ),
    Domain("nullmx-beside.test", "a null MX beside another (D-10)", mx=((0, "."), (10, "mx1"))),
    Domain(
        "noaddress.test",
        "no host has an address (D-18)",
        "no-usable-host",
        hosts=(Host("mx1", (), False),),
    ),
    Domain(
        "hostless.test",
        "no MX record names a host: an address, a blank, a URL, an asterisk (D-18)",
        "no-usable-host",
        mx=((10, "192.0.2.9."), (20, "a\\032b."), (30, "https://mx/x."), (40, "*.")),
        hosts=(),
        policy=Policy(mx=("mx1.hostless.test",)),
    ),
    Domain(
        "hostless-unsigned.test",
        "the same, unsigned (D-18)",
        "mx-insecure",
        signed="no",
        mx=((10, "192.0.2.9."),),
        hosts=(),
        policy=Policy(mx=("mx1.hostless-unsigned.test",)),
    ),
    Domain(
        "hostless-beside.test",
        "an address beside a host (D-18)",
        mx=((10, "192.0.2.9."), (20, "mx1")),
        policy=Policy(mx=("mx1.hostless-beside.test",)),
    ),
    Domain(
        "halfaddress.test",
        "one host of two has no address (D-18)",
        mx=((10, "mx1"), (20, "mx2"), (30, "gone")),
        hosts=(Host("mx1"), Host("mx2", (), False)),
    ),
    # --- aliases
    Domain(
        "cnamemx.test",
        "the MX host is an alias (D-17)",
        hosts=(Host("real"),),
        zone=("mx1 CNAME real", "_25._tcp.mx1 CNAME _25._tcp.real"),
    ),
    Domain(
        "chain.test",
        "seven aliases in a row",
        mx=((10, "l1"),),
        hosts=(Host("l8"),),
        zone=MX_ALIASES,
    ),
    Domain(
        "longchain.test",
        "too many aliases (D-19)",
        "address-failed",
        mx=((10, "l1"),),
        hosts=(Host("l20"),),
        zone=LONG_CHAIN,
    ),
    Domain(
        "loop.test",
        "an alias loop",
        "address-failed",
        hosts=(),
        zone=("mx1 CNAME mx2", "mx2 CNAME mx1"),
    ),
    Domain(
        "dname.test",
        "the MX host is below a DNAME",
        mx=((10, "mx1.old"),),
        hosts=(Host("mx1.new"),),
        zone=("old DNAME new",),
    ),
    # --- many hosts
    Domain("many10.test", "10 MX hosts", mx=numbered_mx(10), hosts=numbered(10)),
    Domain("many20.test", "20 MX hosts", mx=numbered_mx(20), hosts=numbered(20)),
    Domain(
        "otherzone.test", "an MX host in another signed zone", mx=((10, "mx1.many20.test."),), hosts=()
    ),
    Domain(
        "many60.test",
        "60 MX hosts (D-19)",
        "hosts-truncated",
        mx=numbered_mx(60),
        hosts=numbered(60),
    ),
    Domain(
        "m1500.test",
        "1,500 MX hosts (D-19)",
        "hosts-truncated",
        mx=tuple((i, f"n{i}") for i in range(1, 1501)),
        hosts=(Host("n1", aaaa=False),),
        policy=Policy(mx=("*.m1500.test",)),
    ),
    Domain(
        "m2k.test",
        "2,000 MX hosts, more than fit into what a signature is checked of",
        "mx-bogus",
        mx=tuple((i, f"n{i}") for i in range(1, 2001)),
        hosts=(Host("n1", aaaa=False),),
        policy=Policy(mx=("*.m2k.test",)),
    ),
    # --- DNSSEC of a kind that costs, or that nobody knows
    Domain("algorithm.test", "an unknown algorithm", "mx-insecure", signed="algorithm"),
    Domain("digest.test", "an unknown kind of DS", "mx-insecure", signed="digest"),
    Domain(
        "iterations.test",
        "NSEC3 with 2,500 iterations",
        "tlsa-insecure",
        signed="iterations",
        hosts=(Host("mx1", tlsa=False),),
    ),
    Domain(
        "keytrap.test", "60 keys with one tag", "mx-bogus", signed="keytrap"
    ),
    # --- for hostile.py: any name below them is a domain
    Domain(
        "hostile.test",
        "unsigned, with wildcards",
        "mx-insecure",
        signed="no",
        zone=(
            "* MX 10 mx1",
            '* TXT "v=STSv1; id=hostile1;"',
            "* A %(policy)s",
        ),
    ),
    Domain("guarded.test", "signed, with many subdomains", zone=GUARDED_ZONE),
    Domain("greedy.test", "signed, with subdomains of many MX hosts", zone=GREEDY_ZONE),
    # --- for routes.py: any name below them is a domain. The MX host has an
    # address of its own, and so has the name itself, as a host.
    Domain(
        "bound.test",
        "unsigned, with wildcards; all announce DNSSEC",
        "mx-insecure",
        signed="no",
        hosts=(Host("mx1", (11,), False, False), Host("*", (12,), False, False)),
        zone=("* MX 10 mx1", '* TXT "v=STSv1; id=routes1;"'),
    ),
    Domain(
        "free.test",
        "unsigned, with wildcards; no policies",
        "no-policy",
        "mx-insecure",
        "no",
        hosts=(Host("mx1", (13,), False, False), Host("*", (14,), False, False)),
        zone=("* MX 10 mx1",),
        txt=(),
        policy=None,
        policy_host="none",
    ),
    # --- servers that fail
    hole("lame.test", "its server refuses", "lame"),
    hole("dead.test", "its server is not there", "dead"),
    Domain(
        "mxlame.test",
        "the MX host's server refuses (D-08)",
        "address-failed",
        mx=((10, "mx1.lame.test."),),
        hosts=(),
    ),
    # --- _mta-sts TXT
    Domain("txtnone.test", "a policy, but no record (T-09)", "no-policy", "secure", txt=()),
    Domain(
        "txtmulti.test",
        "two records (T-05)",
        "no-policy",
        "secure",
        txt=('"v=STSv1; id=1;"', '"v=STSv1; id=2;"'),
    ),
    Domain(
        "txtbeside.test",
        "a record beside another's (T-04)",
        txt=('"v=spf1 -all"', '"v=STSv1; id=1;"'),
    ),
    Domain(
        "txtinvalid.test",
        "an invalid record (T-06)",
        "no-policy",
        "secure",
        txt=('"v=STSv1; id=not-alphanumeric;"',),
    ),
    Domain("txtsplit.test", "several character-strings (T-03)", txt=('"v=STS" "v1; i" "d=1;"',)),
    Domain(
        "txtcname.test",
        "an alias (T-02)",
        txt=(),
        zone=("_mta-sts CNAME policies", 'policies TXT "v=STSv1; id=alias1"'),
    ),
    Domain(
        "txtforeign.test",
        "an alias to an unsigned zone (T-02, T-11)",
        txt=(),
        zone=("_mta-sts CNAME _mta-sts.unsigned.test.",),
    ),
    Domain(
        "txtloop.test",
        "an alias loop (T-02): the policy is fetched all the same (T-12)",
        txt=(),
        zone=("_mta-sts CNAME again", "again CNAME _mta-sts"),
    ),
    Domain(
        "txtbogus.test",
        "a bogus record (T-11)",
        spoil=(("_mta-sts", "TXT"),),
    ),
    # --- policy hosts
    Domain("v6.test", "a policy host with IPv6 alone", policy_host="ipv6"),
    Domain("two.test", "the first address of the policy host is dead", policy_host="two"),
    Domain("alias.test", "the policy host is an alias (F-13)", policy_host="alias"),
    Domain(
        "hostbogus.test",
        "a bogus policy host (F-14)",
        spoil=(("mta-sts", "A"),),
    ),
    fetch("nohost.test", "the policy host has no address", "none"),
    fetch("closed.test", "nothing listens on the policy host", "closed"),
    fetch("notfound.test", "404 (F-05)", "404"),
    fetch("redirect.test", "301 (F-06)", "redirect"),
    fetch("slow.test", "no answer (F-08)", "slow"),
    fetch("large.test", "too large (F-09)", "large"),
    fetch("cut.test", "cut short (F-10)", "short"),
    fetch("html.test", "text/html (F-07)", "html"),
    fetch("notype.test", "no media type (F-07)", "no-type"),
    fetch("wrongname.test", "another's certificate (F-04)", "wrong-name"),
    fetch("selfsigned.test", "a certificate nobody vouches for (F-03)", "self-signed"),
    fetch("oldcert.test", "an expired certificate (F-03)", "expired"),
    fetch("oldtls.test", "TLS 1.1 (F-15)", "old-tls"),
    Domain(
        "badbody.test",
        "no policy in the body (P-03)",
        "discovery-failed",
        "secure",
        policy=Policy(raw="hello, world\n"),
    ),
)

BY_NAME = {domain.name: domain for domain in DOMAINS}
