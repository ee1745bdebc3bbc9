"""Attacks on the first contact with a domain, and what must come of them.

The TXT record, the policy host's address and the MX set of a domain are under
attack on the resolver path; its policy host is honest, and its policy requires
DNSSEC. No attack may make its recipients pass, neither with nothing stored nor
with a policy stored. To add a case is to add a row to ATTACKS: it becomes a
zone for each of TXT, with and without a stored policy, and one that publishes
nothing.
"""

from dataclasses import dataclass
from typing import Optional

from domains import Domain

BOUND = ("mx-insecure", "mx-bogus", "mx-failed", "address-insecure",
         "address-bogus", "address-failed", "deadline")
UNKNOWN = ("discovery-bogus", "discovery-failed")
WEEK_S = 7 * 86400


@dataclass(frozen=True)
class Attack:
    """
    ids      what is proved
    rules    for tamper.py; {0} is the domain, {policy} the policy host's
             address
    signed, spoil   of the zone, see domains.py
    silences a validating forwarder: Unbound answers nothing from a zone while
             it waits for the zone's keys, not even with CD. So the policy host
             cannot be found: the attacker blocks it as well (D-21)
    """

    name: str
    ids: str
    rules: tuple = ()
    signed: str = "nsec"
    spoil: tuple = ()
    silences: bool = False


MX_FORGED = "{0} MX forge 60 '10 mx1.evil.test.'"

ATTACKS = (
    Attack("strip", "T-11 T-12", ("{0} * strip", ".{0} * strip")),
    Attack("mx-forged", "T-12", (MX_FORGED,)),
    Attack("mx-stripped", "T-12", ("{0} MX strip",)),
    # the zone
    Attack("expired", "T-11 T-12", signed="expired"),
    Attack("not-yet", "T-11 T-12", signed="not-yet"),
    Attack("other-key", "T-11 T-12", signed="other-key"),
    Attack("wrong-ds", "T-11 T-12", signed="wrong-ds"),
    Attack("no-sigs", "T-11 T-12", signed="no-sigs"),
    # its keys
    Attack("dnskey-strip", "T-11 T-12", ("{0} DNSKEY strip",)),
    Attack("dnskey-nodata", "T-11 T-12", ("{0} DNSKEY nodata",)),
    Attack("dnskey-servfail", "T-11 T-12", ("{0} DNSKEY servfail",)),
    Attack("dnskey-drop", "T-11 T-12", ("{0} DNSKEY drop",), silences=True),
    # its delegation
    Attack("ds-nodata", "T-11 T-12", ("{0} DS nodata",)),
    Attack("ds-nxdomain", "T-11 T-12", ("{0} DS nxdomain",)),
    Attack("ds-servfail", "T-11 T-12", ("{0} DS servfail",)),
    Attack("ds-drop", "T-11 T-12", ("{0} DS drop",), silences=True),
    # the policy host's address, which is the right one all the same
    Attack("host-forged", "F-14 T-12",
           (MX_FORGED, "mta-sts.{0} A forge 60 {policy}")),
    Attack("host-spoilt", "F-14 T-12", (MX_FORGED,),
           spoil=(("mta-sts", "A"),)),
)
# No attack but that on the TXT record: the domain is secure, and is known to
# require it from now on.
CLEAN = Attack("clean", "T-12")
# The tree from the root on is stripped, which the probe notices.
ROOT = Attack("root", "T-11 T-12")
ROOT_RULE = "* * strip"
# What becomes of the TXT record.
TXT = {"": (), "txt-nxdomain": ("_mta-sts.{0} TXT nxdomain",),
       "txt-nodata": ("_mta-sts.{0} TXT nodata",),
       "txt-drop": ("_mta-sts.{0} TXT drop",)}


@dataclass(frozen=True)
class Row:
    """
    domain    of domains.py
    reasons   of which the log must name one
    accepted  whether the recipient must be; None: either will do
    stored    whether a policy that binds is stored beforehand
    silent    whether a validating forwarder says nothing about it
    host      whether the lie is about the policy host's address
    """

    domain: Domain
    ids: str
    reasons: tuple
    accepted: Optional[bool] = False
    rules: tuple = ()
    stored: bool = False
    silent: bool = False
    host: bool = False

    @property
    def name(self):
        """Of the domain."""
        return self.domain.name

    @property
    def of_ds(self):
        """Whether it is the registry's answer that is attacked."""
        return any(" DS " in rule for rule in self.rules)

    @property
    def recipient(self):
        """Who is written to."""
        return f"first@{self.name}"


def attacked(attack, txt, stored, reasons=BOUND, accepted=False):
    """A domain with a policy."""
    words = [attack.name, txt, "stored" if stored else ""]
    name = "-".join(word for word in words if word) + ".test"
    domain = Domain(name, attack.name, signed=attack.signed,
                    spoil=attack.spoil)
    return Row(domain, attack.ids, reasons, accepted, attack.rules + TXT[txt],
               stored, attack.silences)


def unpublished(attack, reasons):
    """A domain that publishes nothing, under the same attack."""
    domain = Domain(attack.name + "-nothing.test", attack.name, txt=(),
                    policy=None, policy_host="none", signed=attack.signed,
                    spoil=tuple(s for s in attack.spoil if s[0] != "mta-sts"))
    return Row(domain, "C-10 K9", reasons, True, attack.rules,
               silent=attack.silences)


def without_proof(attack):
    """Whether that there is no TXT record cannot be proven under it."""
    return attack.signed != "nsec" or any(
        not rule.startswith(("{0} MX", "mta-sts.")) for rule in attack.rules)


DEFERRED = tuple(attacked(attack, txt, stored) for attack in ATTACKS
                 for txt in TXT for stored in (False, True))
SECURE = tuple(attacked(CLEAN, txt, stored, ("secure",), True)
               for txt in TXT for stored in (False, True))
# With on_discovery_failure and on_bogus_discovery "tempfail" deferred.
UNPROVEN = tuple(unpublished(attack, UNKNOWN) for attack in ATTACKS
                 if without_proof(attack))
NO_POLICY = (
    *(unpublished(attack, ("no-policy",)) for attack in (*ATTACKS, CLEAN)
      if not without_proof(attack)),
    unpublished(Attack("unsigned", "", signed="no"), ("no-policy",)),
)
# Known to bind, or the TXT record is there: deferred. Otherwise nothing is
# fetched while our own path does not validate.
ROOT_KNOWN = tuple(
    attacked(ROOT, txt, stored, ("resolver-broken",))
    for txt in TXT for stored in (False, True) if stored or not txt)
ROOT_UNKNOWN = tuple(
    attacked(ROOT, txt, False, (*UNKNOWN, "resolver-broken", "deadline"), None)
    for txt in TXT if txt)


# --- what an attacker leaves behind: a lie with a TTL of a week

OLD_ID = "old1"  # of what is stored
LIES = {
    "lie-address": f"mta-sts.{{0}} A forge {WEEK_S} {{nowhere}}",
    "lie-nohost": f"mta-sts.{{0}} * nxdomain {WEEK_S}",
    "lie-txt": f"_mta-sts.{{0}} TXT forge {WEEK_S} "
               f"'\"v=STSv1; id={OLD_ID};\"'",
    "lie-notxt": f"_mta-sts.{{0}} TXT nxdomain {WEEK_S}",
}


def lied_about(name, rule, signed):
    """A domain of which an old policy is stored that binds."""
    suffix = "" if signed == "no" else "-signed"
    reason = "mx-insecure" if signed == "no" else "secure"
    return Row(Domain(f"{name}{suffix}.test", name, signed=signed), "T-13",
               (reason,), signed != "no", (rule,), True,
               host=rule.startswith("mta-sts."))


LIE_ROWS = tuple(lied_about(name, rule, signed)
                 for name, rule in LIES.items() for signed in ("no", "nsec"))

DOMAINS = tuple(row.domain for rows in (
    DEFERRED, SECURE, UNPROVEN, NO_POLICY, ROOT_KNOWN, ROOT_UNKNOWN, LIE_ROWS)
    for row in rows)
