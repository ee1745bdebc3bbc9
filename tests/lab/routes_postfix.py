"""One row of routes_rows.py with Postfix."""

import os
import re
import shutil
from string import Template

import smtp
import snippets
from mta import Postfix
from process import wait_for
from routes_rows import LOCAL_USER

PORT, PAST_PORT = 2526, 2527
MAP_PORT = 8461
SETTLE_S = 40
LMTP_SOCKET = "queue/private/test-lmtp"

# Local delivery that needs no mailbox. What was deferred is not tried again.
MAIN = """\
mailbox_command = /bin/sed d
notify_classes =
smtp_mx_address_limit = 1
minimal_backoff_time = 1h
maximal_backoff_time = 1h
queue_run_delay = 1h
"""

# With the lines that continue it. "-o" of master.cf is one by itself.
LOGICAL_LINE = re.compile(r"^.*\n(?:[ \t]+(?![ \t]|-o).*\n)*", re.MULTILINE)
ASKS = re.compile(r"\$milter|\$map|= unix:dane-sts/")

RECEIVED = re.compile(
    r"/(?:smtpd|pickup)\[\d+\]: (?!NOQUEUE)(\w+): (?:client|uid)=")
QUEUED = re.compile(r"/cleanup\[\d+\]: (\w+): message-id=")
ACTIVE = re.compile(r"/qmgr\[\d+\]: (\w+): from=.* nrcpt=(\d+) ")
HELD = re.compile(r": (\w+): milter-reject: END-OF-MESSAGE")
DONE = re.compile(r": (\w+): to=<.*relay=(.*), delay=.* status=(\w+)")


SAMPLE = "\n".join(snippets.sample("etc/postfix-main.cf")) + "\n"


class Log:
    """What an instance's log says of its messages."""

    def __init__(self, path):
        with open(path, encoding="utf-8", errors="replace") as f:
            text = f.read()
        self.received = set(RECEIVED.findall(text))
        self.held = set(HELD.findall(text))
        self.queued = set(QUEUED.findall(text))
        self.active = dict(ACTIVE.findall(text))
        self.done = DONE.findall(text)

    def settled(self, messages):
        """Whether each recipient of that many messages, and of what came of
        them, was tried. Postfix may answer before its lines are in the log,
        and probes of address verification are queued without being received."""
        tried = [queue_id for queue_id, _, _ in self.done]
        return len(self.received) >= messages and all(
            queue_id in self.active and
            tried.count(queue_id) >= int(self.active[queue_id])
            for queue_id in (self.received | self.queued) - self.held)

    def places(self):
        """Where mail went that no observer has seen."""
        yield from ["maildrop"] * bool(self.held)
        for _, relay, status in self.done:
            if status != "sent":
                yield status
            elif "[" not in relay:
                yield relay


class PostfixRun:
    """Postfix for a row. guarded: with etc/postfix-main.cf."""

    def __init__(self, stage, row, values, guarded):
        self.stage = stage
        self.row = row
        self.guarded = guarded
        name = f"route-{row.name}-{'guarded' if guarded else 'bare'}"
        self.postfix = Postfix(os.path.join(stage.dir, "routes"),
                               stage.processes, name)
        self.values = dict(
            values, home=self.postfix.home,
            milter=stage.info()["postfix_milter"].partition(":")[2],
            map=f"{values['me']}:{MAP_PORT}")
        self.accepted = 0

    def fill(self, text, phase=""):
        """A row's text with its names and addresses."""
        return Template(text).substitute(self.values,
                                         u=f"{self.row.name}-{phase}")

    def _lines(self, lines):
        """Without the filter, lines that ask it are left out."""
        text = "".join(line + "\n" for line in lines)
        if not self.guarded:
            text = "".join(part for part in LOGICAL_LINE.findall(text)
                           if not ASKS.search(part))
        return self.fill(text)

    def _main(self):
        text = MAIN
        if self.guarded and self.row.sample:
            text += self.fill(SAMPLE)
        return text + self._lines(self.row.main)

    def _master(self):
        past = ("$me:2527 inet n - n - - smtpd", "  -o smtpd_milters=")
        return self._lines((*past, *self.row.master))

    def start(self, observer):
        """Configure it and await its port."""
        address = self.values["me"]
        self.postfix.configure({
            "hostname": "mta.home.test", "local_domain": "home.test",
            "alias_domain": "alias.home.test",
            "alias_from": "a@alias.home.test", "alias_to": "a@secure.test",
            "address": address, "port": PORT, "milter": "",
            "resolver": self.stage.info()["resolver"],
        }, self._main(), self._master())
        self._write("forward", "someone@$b\n")
        # Of a unix socket below /var/spool/postfix.
        socket_dir = os.path.join(self.postfix.home, "queue/dane-sts")
        os.makedirs(socket_dir, exist_ok=True)
        observer.relay_unix(os.path.join(socket_dir, "milter.sock"),
                            self.stage.info()["milter"])
        os.makedirs(os.path.join(self.postfix.home, "mail"), exist_ok=True)
        shutil.chown(os.path.join(self.postfix.home, "mail"), LOCAL_USER)
        self.postfix.start(address, PORT)
        observer.listen_unix(os.path.join(self.postfix.home, LMTP_SOCKET),
                             "lmtp-unix")

    def _write(self, name, text):
        with open(os.path.join(self.postfix.home, name), "w",
                  encoding="ascii") as f:
            f.write(self.fill(text))

    def stop(self):
        """End it."""
        self.postfix.processes.stop(self.postfix.name)

    def recipient(self, phase):
        """As it is typed."""
        return self.fill(self.row.to, phase)

    def send(self, phase, message):
        """Hand a message in. What was said to RCPT, or at its end."""
        recipient = self.recipient(phase)
        sender = self.fill(self.row.sender, phase)
        if self.row.how == "sendmail":
            self.postfix.submit(sender, [recipient], message)
            self.accepted += 1
            return smtp.Reply(["250 submitted"])
        port = PAST_PORT if phase == "past" else self.row.port or PORT
        with smtp.Client(self.values["me"], port) as client:
            client.hello()
            reply = client.send(sender, recipient, message)
        self.accepted += reply.accepted
        return reply

    def settle(self):
        """Await that all was tried; where it went as the log tells."""
        def settled():
            log = Log(self.postfix.log_path)
            return log if log.settled(self.accepted) else None
        return set(wait_for(settled, SETTLE_S, "all to be tried by "
                            + self.postfix.name).places())
