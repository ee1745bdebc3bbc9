"""The policy hosts of domains.py, served by policyhost.py."""

import json
import os
import socket
import sys

from process import LabError, accepts

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 443
ELSEWHERE = "https://mta-sts.secure.test/.well-known/mta-sts.txt"

# What domains.POLICY_HOSTS names, and what tests may turn a host into. Where
# nothing is said of the body, it is the domain's own policy.
BEHAVIOURS = {
    "ok": {},
    "none": {},
    "ipv6": {},
    "two": {},
    "alias": {},
    "closed": {},
    "404": {"status": 404},
    "redirect": {"status": 301, "headers": [["Location", ELSEWHERE]]},
    "slow": {"act": "stall-request"},
    "large": {"body_size": 65537},
    "short": {"framing": "short", "close": "notify"},
    "html": {"type": "text/html"},
    "no-type": {"type": None},
    "wrong-name": {"cert": "wrong-name"},
    "self-signed": {"cert": "self-signed"},
    "expired": {"cert": "expired"},
    "old-tls": {"tls": ["1.0", "1.1"]},
    "down": {"act": "reset-accept"},
}


def behaviour(domain, word):
    """A row of BEHAVIOURS, or JSON, with the domain's body filled in."""
    if word.startswith("{"):
        chosen = json.loads(word)
    elif word in BEHAVIOURS:
        chosen = dict(BEHAVIOURS[word])
    else:
        raise LabError(f"{word}: no behaviour of a policy host; there are "
                       + ", ".join(BEHAVIOURS))
    if not {"body", "body_size", "raw"} & chosen.keys():
        chosen["body"] = domain.policy_body.decode("latin-1")
    return chosen


def server_command(ca_dir, control, hosts, listen):
    """The command line of policyhost.py."""
    return [sys.executable, "-B", os.path.join(HERE, "policyhost.py"),
            "--ca", ca_dir, "--control", control, "--hosts", hosts,
            "--listen", *listen]


class Policies:
    """The server process and its control socket."""

    NAME = "policyhost"

    def __init__(self, lab_dir, processes):
        self.home = os.path.join(lab_dir, "https")
        self.processes = processes
        self.control = os.path.join(self.home, "control.sock")
        self.hosts_path = os.path.join(self.home, "hosts.json")
        self.ca_dir = os.path.join(self.home, "ca")
        self.ipv6 = False

    def start(self, address, domains):
        """Serve every domain that has a policy. The path of the root CA."""
        os.makedirs(self.home, exist_ok=True)
        hosts = {"mta-sts." + d.name: behaviour(d, d.policy_host)
                 for d in domains if d.policy_body is not None}
        with open(self.hosts_path, "w", encoding="utf-8") as f:
            json.dump(hosts, f, indent=1)
        # There is one ::1; the first of several labs has it.
        self.ipv6 = socket.has_ipv6 and not accepts("::1", PORT)
        self._serve(address)
        return os.path.join(self.ca_dir, "root.pem")

    def stop(self):
        """Nobody listens any more."""
        self.processes.stop(self.NAME)
        os.unlink(self.control)

    def restart(self, address, ipv6):
        """As `start` left it; what was set since is forgotten."""
        self.ipv6 = ipv6
        self._serve(address)

    def _serve(self, address):
        try:
            self._serve_on(address)
        except LabError:
            if not self.ipv6:
                raise
            self.ipv6 = False  # another was faster
            self._serve_on(address)

    def _serve_on(self, address):
        listen = [f"{address}:{PORT}"]
        if self.ipv6:
            listen.append(f"[::1]:{PORT}")
        self.processes.start(
            self.NAME, server_command(self.ca_dir, self.control,
                                      self.hosts_path, listen),
            lambda: os.path.exists(self.control))

    def command(self, line):
        """One JSON object there, one back."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.control)
            s.sendall(json.dumps(line).encode() + b"\n")
            answer = json.loads(s.makefile().readline())
        if not answer["ok"]:
            raise LabError(f"policy host: {answer}")
        return answer

    def set(self, domain, word):
        """Change what one policy host does."""
        self.command({"set": {"mta-sts." + domain.name:
                              behaviour(domain, word)}})

    def requests(self, domain):
        """How often the policy was asked for."""
        return self.command({"count": "mta-sts." + domain.name})["requests"]
