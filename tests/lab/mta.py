"""Postfix for the lab: an instance of its own below the state directory.

It shares nothing with a Postfix that the machine may run: own configuration,
queue, data directory, log and port. It is started in a mount namespace in
which /etc/resolv.conf names the lab's resolver, so that it routes mail as any
Postfix does, by MX, but in the lab's DNS.
"""

import os
import shutil
import subprocess

from process import LabError, accepts, wait_for

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {log}
maillog_file_prefixes = {log_dir}
mail_owner = postfix
setgid_group = postdrop
alias_maps =
alias_database =

myhostname = {hostname}
mydestination = {local_domain}
virtual_alias_domains = {alias_domain}
virtual_alias_maps = inline:{{ {alias_from}={alias_to} }}
local_recipient_maps =
mynetworks = 127.0.0.0/8 [::1]/128
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
smtpd_peername_lookup = no
smtputf8_enable = yes
biff = no

# For the loop check of outgoing mail; master.cf says where smtpd listens.
inet_interfaces = 127.0.0.1
inet_protocols = all
smtp_address_preference = ipv4
smtp_host_lookup = dns
smtp_tls_security_level = none

# A refused recipient counts as a client's error; tests refuse many.
smtpd_soft_error_limit = 10000
smtpd_hard_error_limit = 20000
smtpd_recipient_limit = 20000
smtpd_client_connection_count_limit = 0

milter_default_action = tempfail
smtpd_milters = {milter}
non_smtpd_milters = {milter}
"""

# service type private unpriv chroot wakeup maxproc command
MASTER_CF = """\
{address}:{port} inet  n - n - - smtpd
pickup     unix  n - n 2 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
tlsmgr     unix  - - n 1000? 1 tlsmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
verify     unix  - - n - 1 verify
flush      unix  n - n 1000? 0 flush
proxymap   unix  - - n - - proxymap
proxywrite unix  - - n - 1 proxymap
smtp       unix  - - n - - smtp
relay      unix  - - n - - smtp
showq      unix  n - n - - showq
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
local      unix  - n n - - local
virtual    unix  - n n - - virtual
lmtp       unix  - - n - - lmtp
anvil      unix  - - n - 1 anvil
scache     unix  - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""

def last_ones(text):
    """Lines of main.cf without those that a later one overrides, of which
    Postfix would warn."""
    lines = {}
    for line in text.splitlines():
        if line and line[0] not in "# \t":
            name = line.partition("=")[0].strip()
            lines.pop(name, None)
            lines[name] = line
        elif line[:1].isspace():
            lines[name] += "\n" + line
    return "".join(line + "\n" for line in lines.values())


TOOLS = ("postfix", "postqueue", "sendmail")


def no_mounts():
    """None, or why no file can be laid over another here. In a chroot whose root
    is no mount point unshare cannot make the mounts private."""
    if not shutil.which("unshare"):
        return "unshare(1) is not installed (Debian: util-linux)"
    if not os.path.exists("/etc/resolv.conf"):
        return "there is no /etc/resolv.conf to lay another over"
    done = subprocess.run(["unshare", "--mount", "--propagation", "private",
                           "true"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        return ("no mount namespace can be made, as in a chroot that is no "
                "mount point: " + done.stderr.strip())
    return None


class Postfix:
    """One instance. name also names its directory and process."""

    def __init__(self, lab_dir, processes, name="postfix"):
        self.name = name
        self.home = os.path.join(lab_dir, name)
        self.config = os.path.join(self.home, "etc")
        self.log_path = os.path.join(processes.log_dir, name + ".log")
        self.processes = processes

    @staticmethod
    def why_not():
        """None, or why no Postfix can be run here."""
        if os.geteuid() != 0:
            return "Postfix has to be started as root"
        if not os.access("/usr/lib/postfix/sbin/master", os.X_OK):
            return "Postfix is not installed (Debian: postfix)"
        return no_mounts()

    def configure(self, settings, main="", master=""):
        """Write main.cf and master.cf. settings fill the templates; main and
        master are lines after theirs, of which the last one counts."""
        values = dict(settings, home=self.home, log=self.log_path,
                      log_dir=os.path.dirname(self.log_path))
        for path in (self.home, self.config, os.path.join(self.home, "queue")):
            os.makedirs(path, mode=0o755, exist_ok=True)
        data = os.path.join(self.home, "data")
        os.makedirs(data, mode=0o700, exist_ok=True)
        shutil.chown(data, "postfix", "postfix")
        self._write("main.cf", last_ones(MAIN_CF.format(**values) + main))
        self._write("master.cf", MASTER_CF.format(**values) + master)
        self._write("resolv.conf", f"nameserver {settings['resolver']}\n"
                                   "options edns0 trust-ad\n")

    def _write(self, name, text):
        path = os.path.join(self.config, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        # Postfix waits for two seconds with a file that may still be written.
        os.utime(path, (0, 0))

    def set(self, *settings):
        """Change main.cf: name=value. Takes effect at reload or start."""
        self._run(["postconf", "-c", self.config, "-e", *settings])

    def default(self, parameter):
        """Of this version, as `postconf -d` prints it; "" if it has none."""
        return self._run(["postconf", "-d", parameter]).strip()

    def chroot(self, yes):
        """Whether smtpd runs chrooted to the queue, as Debian has it."""
        service = self._run(["postconf", "-c", self.config, "-M",
                             "*/inet"]).split()[0]
        self._run(["postconf", "-c", self.config, "-F",
                   f"{service}/inet/chroot={'y' if yes else 'n'}"])

    def _run(self, argv, **options):
        done = subprocess.run(argv, capture_output=True, text=True,
                              check=False, **options)
        if done.returncode != 0:
            raise LabError(f"{' '.join(argv)}: {done.stderr.strip()} "
                           f"{self.last_words()}")
        return done.stdout

    def last_words(self):
        """The end of the instance's log."""
        try:
            with open(self.log_path, encoding="utf-8",
                      errors="replace") as f:
                return f.read()[-1500:]
        except FileNotFoundError:
            return ""

    def start(self, address, port):
        """Start the master and await its port."""
        script = ('mount --bind "$1" /etc/resolv.conf && '
                  'exec postfix -c "$2" start')
        self._run(["unshare", "--mount", "--propagation", "private",
                   "sh", "-c", script, "sh",
                   os.path.join(self.config, "resolv.conf"), self.config])
        pid = wait_for(self._master_pid, 15, "Postfix master.pid")
        self.processes.adopt(self.name, pid)
        wait_for(lambda: accepts(address, port), 15, "Postfix smtpd port")

    def _master_pid(self):
        path = os.path.join(self.home, "queue/pid/master.pid")
        try:
            with open(path, encoding="ascii") as f:
                text = f.read().strip()
        except FileNotFoundError:
            return None
        return int(text) if text.isdigit() else None

    def reload(self):
        """Make a changed main.cf known."""
        self._run(["postfix", "-c", self.config, "reload"])

    def queue(self):
        """postqueue -j: one JSON object a line."""
        return self._run(["postqueue", "-c", self.config, "-j"])

    def flush(self):
        """Try all that is queued now."""
        self._run(["postqueue", "-c", self.config, "-f"])

    def discard(self):
        """Delete all that is queued."""
        self._run(["postsuper", "-c", self.config, "-d", "ALL"])

    def lookup(self, table, key):
        """postmap -q: the value, "" when there is none."""
        done = subprocess.run(["postmap", "-c", self.config, "-q", key, table],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0 and done.stderr:
            raise LabError(done.stderr.strip())
        return done.stdout.strip()

    def submit(self, sender, recipients, message):
        """sendmail(1), the way of a local program."""
        argv = ["sendmail", "-C", self.config, "-i", "-f", sender, "--",
                *recipients]
        return self._run(argv, input=message)
