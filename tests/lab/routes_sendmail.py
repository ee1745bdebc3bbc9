"""One row of routes_sendmail_rows.py with Sendmail."""

import os
import re
from string import Template

import smtp
from process import LabError
from routes_postfix import MAP_PORT
from sendmail import POLICY_SOCKET, SOCKET, SOCKET_DIR, Sendmail, etc_lines

PORT = 2526

# Local delivery that needs no mailbox. What is in the directory of the sockets
# is /mnt to Sendmail.
LINES = """\
define(`LOCAL_MAILER_PATH', `/mnt/local')dnl
define(`ALIAS_FILE', `/mnt/aliases')dnl
"""

# "... Connecting to mx1.free.test. via esmtp...", "... Connecting to local..."
TRIED = re.compile(r"^.*\.\.\. Connecting to .*?(\w+)\.\.\.$")
SENT = re.compile(r"^.*\.\.\. Sent")
ASKS = re.compile(r"\$sm_milter|\$\{socket_dir")
BY_SMTP = {"smtp", "esmtp", "relay", "smtp8", "dsmtp"}


class SendmailRun:
    """Sendmail for a row. guarded: with etc/sendmail.mc."""

    def __init__(self, stage, row, values, guarded):
        self.stage = stage
        self.row = row
        self.values = dict(values, socket_dir=SOCKET_DIR + "/",
                           sm_milter=stage.info()["milter"].partition(":")[2])
        self.guarded = guarded
        name = f"route-{row.name}-{'guarded' if guarded else 'bare'}"
        self.sendmail = Sendmail(os.path.join(stage.dir, "routes"),
                                 stage.processes, name)

    def fill(self, text, phase=""):
        """A row's text with its names and addresses."""
        return Template(text).substitute(self.values,
                                         u=f"{self.row.name}-{phase}")

    def _lines(self):
        row = self.row
        if not self.guarded:
            return LINES + self.fill("\n".join(
                line for line in row.mc if not ASKS.search(line))) + "\n"
        text = LINES + self.fill("\n".join(row.mc)) + "\n"
        sample = etc_lines() if row.sample else ""
        if not row.sts:
            sample = "".join(line + "\n" for line in sample.splitlines()
                             if not line.startswith("FEATURE(`sts'"))
        map_socket = f"inet:{MAP_PORT}@{self.values['me']}"
        return text + sample.replace(SOCKET, self.stage.info()["milter"]) \
            .replace(POLICY_SOCKET, map_socket)

    def start(self, observer):
        """Configure it and await its port."""
        info = self.stage.info()
        address = self.values["me"]
        self.sendmail.configure({
            "address": address, "port": PORT, "resolver": info["resolver"],
            "ca_file": info["ca_file"]}, self._lines())
        observer.relay_unix(
            os.path.join(self.sendmail.socket_dir, "milter.sock"),
            info["milter"])
        files = {"aliases": "", "local": "#!/bin/sh\ncat >/dev/null\n",
                 **dict(self.row.files)}
        for name, text in files.items():
            path = os.path.join(self.sendmail.socket_dir, name)
            with open(path, "w", encoding="ascii") as f:
                f.write(self.fill(text))
            os.chmod(path, 0o755 if name == "local" else 0o644)
        self.sendmail.run("-bi")
        self.sendmail.start(address, PORT)

    def stop(self):
        """End it."""
        self.sendmail.stop()

    def recipient(self, phase):
        """As it is typed."""
        return self.fill(self.row.to, phase)

    def send(self, phase, message):
        """Hand a message in: what is past the filter with sendmail(1)."""
        recipient = self.recipient(phase)
        sender = self.fill(self.row.sender, phase)
        if phase == "past":
            try:
                self.sendmail.submit(sender, [f"<{recipient}>"], message)
            except LabError as e:
                return smtp.Reply(["550 " + str(e).rpartition("... ")[2]])
            return smtp.Reply(["250 submitted"])
        with smtp.Client(self.values["me"], PORT) as client:
            client.hello()
            return client.send(sender, recipient, message)

    def settle(self):
        """Try all that is queued; where it went as Sendmail tells."""
        places = set()
        mailer = None
        for line in self.sendmail.run("-v", "-qf").splitlines():
            tried = TRIED.match(line)
            if tried:
                mailer = tried.group(1)
            elif SENT.match(line) and mailer not in BY_SMTP:
                places.add(mailer)
        if "is empty" not in self.sendmail.queue():
            places.add("deferred")
        return places
