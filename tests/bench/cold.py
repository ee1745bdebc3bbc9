"""Recipients nobody asked about before, with every DNS answer late.

A row counts the round trips that follow from each other and the queries that
the rules ask for, so that the time is known beforehand. The chain down to the
registry is warm, as it is on any MTA; the domain's own keys are not.
"""

import os
import statistics
import subprocess
import time

import milter
from ground import LabError, Pairs, bindir, figures, load

DELAY_MS = 100

# domain, what it is, round trips, queries. The questions of one round trip are
# asked beside each other; keys a moment before the answer that needs them.
CASES = (
    # TXT unvalidated, DS
    ("plain.test", "unsigned, no policy", 1, 2),
    # the same; DNSKEY, TXT validated
    ("txtnone.test", "signed, no policy", 2, 4),
    # TXT, DS; A and AAAA of the policy host, MX
    ("unsigned.test", "unsigned, with a policy", 2, 2 + 2 + 1),
    # TXT, DS; A and AAAA of the policy host, DNSKEY, MX; A, AAAA, TLSA
    ("soon.test", "bound, one MX", 3, 2 + 4 + 3),
    # the same, and DS and DNSKEY of the host's zone
    ("otherzone.test", "bound, MX elsewhere", 3, 2 + 4 + 3 + 2),
    ("many10.test", "bound, ten MX", 3, 2 + 4 + 10 * 3),
)
WARM = "secure.test"


def ask(socket, domain):
    """Milliseconds till one recipient is answered."""
    octets = domain.encode("ascii")
    with milter.Session(socket) as session:
        session.mail()
        start = time.monotonic()
        answer = session.rcpt(b"<u@" + octets + b">",
                              milter.smtp_macros(octets))
        seconds = time.monotonic() - start
        if answer.code not in (milter.CONTINUE, milter.REPLY):
            raise milter.MilterError(f"{domain}: {answer}")
    return seconds * 1000


def settled(ground):
    """The queries seen, once no more come: those that only fill caches count,
    too."""
    seen = -1
    while True:
        count = int(ground.tamper(["count", "fwd", "*", "*"]).split()[-1])
        if count == seen:
            return count
        seen = count
        time.sleep(3 * DELAY_MS / 1000)


def verdicts(ground, table, plan):
    """The time and the queries of a first verdict."""
    times = {domain: [] for domain, *_ in CASES}
    queries = {domain: [] for domain, *_ in CASES}
    for _ in range(plan.cold_rounds):
        # Late from the beginning: libunbound asks again after what it has
        # learnt to be the usual time.
        ground.tamper(["rule", "fwd", "*", "*", "delay", str(DELAY_MS)])
        ground.daemon_start()
        for _ in range(2):
            ask(ground.socket("daemon"), WARM)
        for domain, *_ in CASES:
            before = settled(ground)
            times[domain].append(ask(ground.socket("daemon"), domain))
            queries[domain].append(settled(ground) - before)
        ground.tamper(["clear"])
        ground.daemon_stop()
    for domain, what, trips, fewest in CASES:
        took = times[domain]
        wanted = trips * DELAY_MS
        table.row(f"cold, {what}", f"{trips} round trips",
                  f"{statistics.median(took):.0f} ms", f"{wanted} ms",
                  statistics.median(took) / wanted,
                  f"{min(took) / wanted:.2f}-{max(took) / wanted:.2f}",
                  "<= 1.15")
        asked = statistics.median(queries[domain])
        table.row(f"cold, {what}", "queries", f"{asked:.0f}", f"{fewest}",
                  asked / fewest, "", "<= 1")


# NXDOMAIN below a registry with opt-out: nothing that was proved before proves
# it, so that every name costs a query.
SUFFIX = "optout.test"


def throughput(ground, table, plan):
    """Domains without a policy, beside libunbound asking the same."""
    info = ground.info()["dns"]
    argv = [os.path.join(bindir(), "tests", "bench", "unbound_ask"),
            info["conf_fragment"], info["trust_anchor"], info["unbound"],
            str(plan.seconds), SUFFIX]

    def ours():
        pid = ground.daemon_start(resolvers=[info["unbound"]])
        load("milter_load", ground.socket("daemon"), 1, 0.1, [SUFFIX], pid)
        result = load("milter_load", ground.socket("daemon"), 10,
                      plan.seconds, ["u#." + SUFFIX], pid)
        ground.daemon_stop()
        return result

    def theirs():
        done = subprocess.run(argv, capture_output=True, text=True,
                              check=False, timeout=60)
        if done.returncode != 0:
            raise LabError(done.stderr.strip())
        return figures(done.stdout)

    pairs = Pairs(plan.cold_rounds, ours, theirs)
    table.pairs("cold, many, no policy", "rate", pairs, "rate", ">= 0.8",
                "{:.0f}/s")
    table.pairs("cold, many, no policy", "answers per CPU second", pairs,
                "cpu_us", ">= 0.8", "{:.0f} us", inverse=True)
