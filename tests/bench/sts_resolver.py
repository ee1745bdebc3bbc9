"""postfix-mta-sts-resolver: the socketmap that others have.

Debian's package; left out where it is not installed. It asks the lab's
resolver, as the lab's Postfix does. What it has found it keeps in SQLite, as
the package's configuration has it, or in memory.
"""

import os
import shutil

from daemon import listening

NAME = "mta-sts-daemon"

# The cache of /etc/mta-sts-daemon.yml, and the other one.
CACHES = {
    "sqlite": "filename: {dir}/mta-sts-cache.db",
    "internal": "cache_size: 10000",
}

CONFIG = """\
path: {socket}
cache:
  type: {cache}
  options:
    {options}
"""


def why_not():
    """None, or why it cannot be run here."""
    if not shutil.which(NAME):
        return ("postfix-mta-sts-resolver is not installed (Debian package "
                "of that name)")
    return None


def start(ground, cache):
    """Its pid and its socket."""
    info = ground.info()
    # Of its own: the last one's file is still there.
    socket = ground.socket(f"{NAME}-{cache}")
    config = os.path.join(ground.dir, NAME + ".yml")
    resolv = os.path.join(ground.dir, NAME + ".resolv")
    with open(config, "w", encoding="utf-8") as f:
        f.write(CONFIG.format(
            socket=socket.partition(":")[2], cache=cache,
            options=CACHES[cache].format(dir=ground.dir)))
    with open(resolv, "w", encoding="utf-8") as f:
        f.write(f"nameserver {info['resolver']}\n")
    script = ('mount --bind "$1" /etc/resolv.conf && '
              'exec "$2" -c "$3"')
    pid = ground.processes.start(
        NAME, ["unshare", "--mount", "--propagation", "private", "sh", "-c",
               script, "sh", resolv, shutil.which(NAME), config],
        listening(socket),
        env=dict(os.environ, SSL_CERT_FILE=info["ca_file"]))
    return pid, socket
