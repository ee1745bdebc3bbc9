"""README, "The first week", with a real daemon and real mail.

Its blocks are taken in their order: options of dane-sts-milter.conf, a file of
exemptions, commands with what they print, and a reply. README's example.org and
example.net are two domains of the lab; "..." stands for any text.
"""

import os
import re
import subprocess

import smtp
from daemon import option
from process import LabError

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TITLE = "The first week\n"
NAMES = {"unsigned.test": "example.org", "expired.test": "example.net",
         "20260101unsignedtest": "20260101"}


def blocks():
    """Indented paragraphs of the section, each a list of lines."""
    with open(os.path.join(TOP, "README"), encoding="utf-8") as f:
        text = f.read().partition("\n" + TITLE)[2]
    text = re.split(r"\n\n\n", text)[0]
    return [[line[7:] for line in block.split("\n")]
            for block in re.split(r"\n\n(?=       )|\n\n", text)
            if block.startswith("       ")]


def as_lab(text):
    """README's names, as the lab has them."""
    for lab, readme in NAMES.items():
        if "." in readme:
            text = text.replace(readme, lab)
    return text


def as_readme(text):
    """The lab's names, as README has them."""
    for lab, readme in NAMES.items():
        text = text.replace(lab, readme)
    return text


def squeeze(text):
    """Line breaks and margins of a terminal make no difference."""
    return " ".join(text.split())


def expect(wanted, got):
    """wanted: README's lines."""
    pattern = ".*".join(re.escape(part)
                        for part in squeeze(wanted).split("..."))
    if not re.search(pattern.replace(r"\ .*", ".*").replace(r".*\ ", ".*"),
                     squeeze(as_readme(got))):
        raise LabError(f"README says\n{wanted}\nbut it is\n{got}")


class Tour:
    """What the reader has done so far."""

    def __init__(self, stage):
        self.stage = stage
        self.options = dict(stage.info()["daemon"])
        self.started = False

    def ask(self, domain):
        """The reply to a recipient there, and its line in the log."""
        recipient = f"b@{domain}"
        term = f"to=<{recipient}>"
        before = len(self.stage.daemon.lines(["rcpt", term]))
        with smtp.Client(*self.stage.smtp_address) as client:
            client.hello()
            client.mail(b"a@home.test")
            reply = client.rcpt(os.fsencode(recipient))
        self.stage.daemon.await_lines(["rcpt", term], before + 1, 20.0)
        return reply.text

    def run(self, command):
        """What the command prints."""
        words = as_lab(command).split()
        if words[0] == "grep":
            self.ask("unsigned.test")
            lines = self.stage.daemon.lines([words[1], "rcpt"])
            return "\n".join(lines)
        if words[0] != "dane-sts":
            raise LabError(f"README: {command}: not a command of the tour")
        done = subprocess.run(
            self.stage.tool_argv(words[1:]), check=False, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"})
        return done.stdout

    def configure(self, lines):
        """Options into the file; the first ones start the daemon."""
        for line in lines:
            name, value = option(line.replace(" = ", "=").replace('"', ""))
            if value.startswith("/etc/"):
                value = os.path.join(self.stage.daemon.home,
                                     os.path.basename(value))
            self.options[name] = value
        if self.started:
            self.stage.daemon.write_config(self.options)
        else:
            self.stage.daemon.start(self.options)
        self.started = True

    def take(self, block):
        """One block of README."""
        if block[0] == "# dane-sts-milter.conf":
            self.configure(block[1:])
        elif block[0].startswith("# "):
            path = os.path.join(self.stage.daemon.home, block[0][2:])
            with open(path, "w", encoding="utf-8") as f:
                f.write(as_lab("\n".join(block[1:]) + "\n"))
        elif block[0].startswith("$ "):
            for part in re.split(r"^\$ ", "\n".join(block), flags=re.M)[1:]:
                command, _, wanted = part.partition("\n")
                reloads = len(self.stage.daemon.lines(["info reload"]))
                expect(wanted, self.run(command))
                if command == "dane-sts reload":
                    self.stage.daemon.await_lines(["info reload"],
                                                  reloads + 1, 20.0)
        else:
            domain = re.match(r"450 4\.7\.5 ([a-z.]+):", block[0]).group(1)
            expect(block[0], self.ask(as_lab(domain)))


def run(stage):
    """The whole tour. The number of its blocks."""
    stage.daemon.stop()
    stage.daemon.wipe()
    tour = Tour(stage)
    taken = 0
    command = None
    for block in blocks():
        # A paragraph of output goes on with the command before it.
        if command and not block[0].startswith(("$ ", "# ", "450 ")):
            command += ["", *block]
            continue
        if command:
            tour.take(command)
            command = None
        if block[0].startswith("$ "):
            command = block
        else:
            tour.take(block)
        taken += 1
    return taken
