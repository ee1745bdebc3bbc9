"""The daemon under test: its configuration, its process, its log."""

import os
import re
import shutil
import signal

from process import LabError, accepts, wait_for

SOCKET_PORT = 8894
WORD = re.compile(r'(?:[^\s"]|"(?:\\.|[^"\\])*")+')


def bindir():
    """Where the freshly built programs are."""
    path = os.environ.get("DANE_STS_BINDIR")
    if not path:
        raise LabError("DANE_STS_BINDIR must name the build directory")
    return os.path.abspath(path)


def literal(value):
    """A value as dane-sts-milter.conf(5) has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(literal(item) for item in value) + "}"
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def option(word):
    """name=value of a command line; `{a, b}`, true and 7 are no strings."""
    name, equals, text = word.partition("=")
    if not equals:
        raise LabError(f"{word}: not an option=value")
    if text in ("true", "false"):
        return name, text == "true"
    if text.isdigit():
        return name, int(text)
    if text.startswith("{") and text.endswith("}"):
        items = (item.strip() for item in text[1:-1].split(","))
        return name, [item for item in items if item]
    return name, text


def words(line):
    """The words of a logfmt line; quoted values count as part of theirs."""
    return set(WORD.findall(line))


def matches(line, terms):
    """key=value terms must be words of the line, others parts of it."""
    have = words(line)
    return all(term in have if "=" in term else term in line
               for term in terms)


class Daemon:
    """dane-sts-milter in the foreground, recorded as a process of the lab."""

    NAME = "daemon"

    def __init__(self, lab_dir, processes):
        self.home = os.path.join(lab_dir, "daemon")
        self.processes = processes
        self.config = os.path.join(self.home, "dane-sts-milter.conf")
        self.store = os.path.join(self.home, "store")
        self.log_path = os.path.join(processes.log_dir, "daemon.log")
        self.control = os.path.join(self.home, "control.sock")

    def base(self, socket, dns, ca_file, networks):
        """The configuration that fits the lab; tests change single options."""
        return {
            "socket": socket,
            "user": "",
            "resolvers": [dns["forwarder"]],
            "unbound_conf": dns["conf_fragment"],
            "trust_anchor": dns["trust_anchor"],
            "ca_file": ca_file,
            "policy_networks": list(networks),
            "store": "lmdb:" + self.store,
            "control_socket": self.control,
            "log": "file:" + self.log_path,
            "loops": 1,
        }

    def write_config(self, options):
        """One option a line. Renamed into place: a reload may be near."""
        os.makedirs(self.home, exist_ok=True)
        text = "".join(f"{name} = {literal(value)}\n"
                       for name, value in options.items())
        with open(self.config + ".tmp", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(self.config + ".tmp", self.config)

    def wipe(self):
        """Forget what is stored; the log starts anew, the old one is kept."""
        shutil.rmtree(self.store, ignore_errors=True)
        if os.path.exists(self.log_path):
            with open(self.log_path, "rb") as new, \
                    open(self.log_path + ".old", "ab") as old:
                shutil.copyfileobj(new, old)
            os.unlink(self.log_path)

    def rotate(self):
        """As logrotate does it; somebody has to tell the daemon."""
        os.rename(self.log_path, self.log_path + ".1")

    def start(self, options, wrapper=()):
        """Start with these options; wrapper: a valgrind command, say."""
        self.write_config(options)
        os.makedirs(self.store, exist_ok=True)
        program = os.path.join(bindir(), "dane-sts-milter")
        ready = listening(options["socket"])
        self.processes.start(
            self.NAME, [*wrapper, program, "-f", "-c", self.config], ready,
            timeout_s=60.0 if wrapper else 15.0)

    def stop(self):
        """SIGTERM; it is an error if that does not end it."""
        if not self.processes.stop(self.NAME):
            raise LabError("the daemon did not end at SIGTERM")

    def kill(self):
        """SIGKILL."""
        self.processes.stop(self.NAME, signum=signal.SIGKILL)

    def reload(self, options):
        """SIGUSR1 after the configuration was changed."""
        self.write_config(options)
        self.processes.send(self.NAME, signal.SIGUSR1)

    def lines(self, terms=()):
        """Lines of the log that hold every term."""
        try:
            with open(self.log_path, encoding="utf-8",
                      errors="backslashreplace") as f:
                whole = f.read()
        except FileNotFoundError:
            return []
        # The last line may be half written.
        return [line for line in whole.split("\n")[:-1]
                if matches(line, terms)]

    def await_lines(self, terms, count, timeout_s):
        """Await count such lines and return all."""
        def enough():
            lines = self.lines(terms)
            return lines if len(lines) >= count else None
        try:
            return wait_for(enough, timeout_s, "log line " + " ".join(terms))
        except LabError as e:
            newest = "\n".join(self.lines()[-5:])
            raise LabError(f"{e}; the log ends in:\n{newest}") from None


def listening(spec):
    """A condition: somebody listens on a milter socket."""
    kind, _, rest = spec.partition(":")
    if kind == "unix":
        return lambda: os.path.exists(rest)
    port, _, host = rest.partition("@")
    return lambda: accepts(host, int(port))
