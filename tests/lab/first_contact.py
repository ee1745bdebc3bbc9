"""First contact with domains whose DNS is under attack.

Every row of first_contact_rows.py through Postfix, the daemon, signed zones and
HTTPS policy hosts. The zones are a world of their own, raised when it is first
needed; MTA, policy hosts and daemon are the lab's. The daemon asks a forwarder:
a plain one is the attacker himself before a resolver that does not validate, a
validating one is an Unbound whose own upstream is the attacker. Without one it
asks the authoritative servers, and the attacker is before those of the domains.
"""

import base64
import json
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import smtp
from clock import Clock
from first_contact_rows import (BOUND, DEFERRED, DOMAINS, LIE_ROWS, NO_POLICY,
                                OLD_ID, ROOT_KNOWN, ROOT_RULE, ROOT_UNKNOWN,
                                SECURE, UNKNOWN, UNPROVEN)
from hostile import fields, stored, tool
from process import LabError, wait_for
from validator import Validator
from world import Tamper, World
from zones import Net

AT_A_TIME = 32
VALIDATOR_HOST = 204  # last octet beside those of stage.py
POLICY_AGE_S = 1000
STORE_TIMEOUT_S = 20
QUIET_TIMEOUT_S = 30
RETRY_TIMEOUT_S = 20
# discovery_ttl_max, and a moment.
LIE_LIFE_S = 300 + 5
DEFERRED_REPLY = "450 4.7.5 {0}: "
TEMPFAIL = ("on_discovery_failure=tempfail", "on_bogus_discovery=tempfail")


class Contact:
    """The world of these rows beside a lab that is up."""

    def __init__(self, stage, way):
        self.stage = stage
        self.way = way
        self.net = Net(stage.info()["dns"]["n"])
        self.world = self._raise()
        self.tamper = Tamper(self.world.control)
        self.validator = Validator(stage.dir, stage.processes, "contact")
        self.options = ()
        self.places = {"policy": self.net.policy(1),
                       "nowhere": self.net.policy(9)}
        stage.policies.command({"set": {
            "mta-sts." + d.name: {"body": d.policy_body.decode("ascii")}
            for d in DOMAINS if d.policy_body}})

    def _raise(self):
        path = os.path.join(self.stage.dir, "contact-world")
        if os.path.exists(os.path.join(path, "world.json")):
            return World(path)
        return World(path, domains=DOMAINS, hosts=self.net).build().start()

    def close(self):
        """The world stays for the next test."""
        self.stage.daemon_do("kill")
        self.tamper.command("clear")
        self.validator.stop()

    # --- the daemon

    def begin(self, rows, rules=(), options=(), wrapper=()):
        """A daemon that knows nothing but what rows have stored, behind a
        forwarder that knows nothing, under the rows' attacks."""
        self.tamper.command("clear")
        path = "auth" if self.way == "none" else "fwd"
        for rule in rules:
            self.tamper.command(f"rule {path} {rule}")
        for row in rows:
            for rule in row.rules:
                rule = rule.format(row.name, **self.places)
                self.tamper.command(f"rule {path} {rule}")
        self.stage.daemon_do("kill")
        self.stage.daemon.wipe()
        self.options = (*self.resolvers(), *options)
        self.stage.daemon_do("start", self.options, wrapper)
        self.store(row for row in rows if row.stored)

    def resolvers(self):
        """The daemon's options for a path to the DNS on which nothing is cached
        yet."""
        info = self.world.info()
        anchor = f"trust_anchor={info['trust_anchor']}"
        self.validator.stop()
        if self.way == "plain":
            return anchor, f"resolvers={{{info['forwarder']}}}"
        if self.way == "validating":
            address = self.net.mx(VALIDATOR_HOST)
            self.validator.start(address, info, keep=True)
            return anchor, f"resolvers={{{address}}}"
        path = os.path.join(info["dir"], "recursion.conf")
        with open(info["conf_fragment"], encoding="ascii") as f:
            text = f.read()
        with open(path, "w", encoding="ascii") as f:
            f.write(text + "\tdo-not-query-localhost: no\n")
        return (anchor, "resolvers={}", f"root_hints={info['root_hints']}",
                f"unbound_conf={path}")

    def store(self, rows):
        """A policy that binds, fetched a while ago, for each."""
        fetched = int(time.time()) - POLICY_AGE_S
        tool(self.stage, "cache", "import", "-", text="".join(
            json.dumps({
                "domain": row.name, "fetched": fetched,
                "id": OLD_ID if row in LIE_ROWS else row.domain.policy_id,
                "body": base64.b64encode(row.domain.policy_body).decode(),
            }) + "\n" for row in rows))

    # --- recipients

    def ask(self, row):
        """What Postfix says to one recipient, in a session of its own."""
        with smtp.Client(*self.stage.smtp_address) as client:
            client.hello()
            client.mail(b"sender@home.test")
            return client.rcpt(row.recipient.encode("ascii")).text

    def ask_all(self, rows):
        """Problems with the answers."""
        before = len(self.stage.daemon.lines([" rcpt "]))
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            replies = list(pool.map(self.ask, rows))
        lines = self.stage.daemon.await_lines(
            [" rcpt "], before + len(rows), 20)[before:]
        logged = {of["domain"]: of for of in map(fields, lines)}
        for row, reply in zip(rows, replies):
            problem = judge(row, reply, logged.get(row.name, {}))
            if problem:
                yield f"{row.name} ({row.ids}): {problem}"

    def unstored(self, names):
        """Those of which no policy is stored. A fetch may outlast the recipient
        that it was made for, and is awaited."""
        def missing():
            return sorted(names - stored(self.stage).keys())
        try:
            wait_for(lambda: not missing(), STORE_TIMEOUT_S, "policies")
        except LabError:
            pass
        return missing()

    def quiet(self):
        """Await the end of all lookups: they outlast the recipients."""
        def none():
            # It fails while the daemon is not well.
            done = subprocess.run(self.stage.tool_argv(["status", "--json"]),
                                  capture_output=True, check=False)
            return json.loads(done.stdout)["lookups"] == 0
        wait_for(none, QUIET_TIMEOUT_S, "the end of all lookups")

    def requests(self, row):
        """How often the policy host was asked."""
        return self.stage.policies.requests(row.domain)


def judge(row, reply, logged):
    """None, or what is wrong."""
    reason = logged.get("reason")
    deferred = DEFERRED_REPLY.format(row.name)
    right = {True: reply.startswith("250 "),
             False: reply.startswith(deferred),
             None: reply.startswith(("250 ", deferred))}[row.accepted]
    if right and reason in row.reasons:
        return None
    return f"\"{reply}\", reason {reason}, not {' or '.join(row.reasons)}"


# --- what is tried


def attacks(contact):
    """All rows at a daemon with the default options; those of which nothing can
    be known once more with the options that defer them."""
    unheard = [row for row in (*DEFERRED, *UNPROVEN) if row.silent
               and not row.stored and contact.way == "validating"]
    bound = [row for row in (*DEFERRED, *SECURE) if row not in unheard]
    unknown = [row for row in UNPROVEN if row not in unheard]
    unknown += [replace(row, accepted=None, reasons=(*BOUND, *UNKNOWN))
                for row in unheard]
    if contact.way == "none":  # the registry's servers are not attacked
        bound, unknown = ([row for row in rows if not row.of_ds]
                          for rows in (bound, unknown))
    rows = (*bound, *unknown, *NO_POLICY)
    contact.begin(rows)
    yield from contact.ask_all(rows)
    for name in contact.unstored({row.name for row in bound}):
        yield f"{name} (T-12): its policy is not stored"
    contact.stage.reload((*contact.options, *TEMPFAIL))
    # Now a proof would make a difference, and is waited for.
    yield from contact.ask_all([
        replace(row, accepted=False, reasons=(*row.reasons, "deadline"))
        for row in unknown])


def root(contact):
    """The same where everything is stripped, and the probe says so."""
    rows = (*ROOT_KNOWN, *ROOT_UNKNOWN)
    contact.begin(rows, rules=[ROOT_RULE], options=("dns_timeout=3s",))
    contact.stage.daemon.await_lines(["resolver", "state=broken"], 1, 20)
    before = [contact.requests(row) for row in ROOT_UNKNOWN]
    yield from contact.ask_all(rows)
    contact.quiet()
    for row, asked in zip(ROOT_UNKNOWN, before):
        if contact.requests(row) > asked:
            yield f"{row.name} (T-12): its policy host was asked"


def outdated(contact, rows):
    """What is wrong with the rows' policies in the store."""
    known = stored(contact.stage)
    return [f"{row.name} (T-13): policy {known[row.name][0]} is still stored"
            for row in rows if known[row.name][0] != row.domain.policy_id]


def lies(contact):
    """False answers with a TTL of a week, of which only discovery_ttl_max is
    left when the attacker has gone."""
    clock = Clock(contact.stage.daemon.home)
    if not clock.wrapper():
        print("left out: the clock of this build cannot be moved")
        return
    contact.begin(LIE_ROWS, wrapper=clock.wrapper())
    yield from contact.ask_all(LIE_ROWS)
    contact.quiet()
    contact.tamper.command("clear")
    clock.set(LIE_LIFE_S, LIE_LIFE_S)
    yield from contact.ask_all(LIE_ROWS)
    contact.quiet()
    yield from outdated(contact, LIE_ROWS)


def retry(contact):
    """After a failed fetch no cache is asked, however long the false address
    of the policy host may be cached."""
    rows = [row for row in LIE_ROWS if row.host]
    contact.begin(rows, options=("fetch_backoff=1s", "verdict_ttl_min=0s",
                                 "verdict_ttl_max=0s"))
    yield from contact.ask_all(rows)
    contact.quiet()
    if len(outdated(contact, rows)) < len(rows):
        yield "fetched in spite of the attack"
    contact.tamper.command("clear")

    def right():
        problems.extend(contact.ask_all(rows))
        contact.quiet()
        return not outdated(contact, rows)
    problems = []
    try:
        wait_for(right, RETRY_TIMEOUT_S, "a fetch after the back-off (T-13)")
    except LabError as e:
        problems += [str(e), *outdated(contact, rows)]
    yield from problems


TRIALS = {"attacks": attacks, "root": root, "lies": lies, "retry": retry}


def run(stage, what, way):
    """Print what is wrong; how many things are."""
    begun = time.monotonic()
    contact = Contact(stage, way)
    try:
        problems = list(TRIALS[what](contact))
    finally:
        contact.close()
    for problem in problems:
        print(problem)
    print(f"{what}, forwarder {way}: {len(problems)} wrong "
          f"in {time.monotonic() - begun:.0f} s")
    return len(problems)
