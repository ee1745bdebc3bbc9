"""Ask the daemon about every domain of domains.py.

What the table says of a domain must be what the daemon's log says. Where
several records of a host are at fault, the first to answer is named: then the
kind of trouble must be right.
"""

import milter
from domains import DOMAINS

MX_MAX = 1000
PASSING = {"secure", "no-policy", "no-dnssec-flag", "null-mx",
           "no-such-domain", "no-usable-host", "discovery-failed",
           "discovery-bogus"}


def acceptable(domain, want=None):
    """Reasons that depend on which answer comes first."""
    want = want or domain.reason
    if want == "no-dnssec-flag" and domain.signed != "no":
        # The same: the policy asks for nothing more.
        return {want, "secure"}
    if want == "discovery-failed" and domain.stored == "secure":
        # All records secure: passes without waiting for the policy.
        return {want, "secure"}
    if len(domain.mx) > MX_MAX:
        # Seen with libunbound 1.17: as the table says; with 1.26: SERVFAIL.
        return {want, "mx-failed"}
    for kind, other in (("address-", "tlsa-"), ("tlsa-", "address-")):
        if want.startswith(kind):
            return {want, want.replace(kind, other)}
    return {want}


def ask(session, domain):
    """One recipient: (answer, recipient as typed)."""
    octets = domain.name.encode("ascii")
    recipient = f"<survey@{domain.name}>"
    answer = session.rcpt(recipient.encode("ascii"),
                          milter.smtp_macros(octets))
    return answer, recipient


def judge(stage, domain, answer, recipient):
    """None, or what is wrong."""
    line = stage.daemon.await_lines([" rcpt ", "to=" + recipient], 1, 20)[-1]
    logged = next((w.partition("=")[2] for w in line.split()
                   if w.startswith("reason=")), "-")
    if logged not in acceptable(domain):
        return f"reason {logged}, not {domain.reason}: {line}"
    code = milter.CONTINUE if logged in PASSING else milter.REPLY
    if answer.code != code:
        return f"answer {answer} to reason {logged}"
    return None


def run(stage):
    """Print what is wrong with which domain; how many there are."""
    wrong = 0
    domains = [d for d in DOMAINS
               if d.policy_host != "ipv6" or stage.info()["policy_ipv6"]]
    with milter.Session(stage.info()["milter"], timeout_s=70) as session:
        session.mail()
        for domain in domains:
            problem = judge(stage, domain, *ask(session, domain))
            if problem:
                wrong += 1
                print(f"{domain.name} ({domain.case}): {problem}")
    print(f"{len(domains)} domains asked about, {wrong} wrong")
    return wrong
