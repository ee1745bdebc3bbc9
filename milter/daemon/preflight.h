/*
 * `dane-sts-milter -n` as root: what the service will meet that root does not.
 *
 * A child becomes the service's user and tries, with access(2), the files and
 * directories that the configuration names. Where systemd runs, the unit's
 * restrictions are compared as well: they are a table here, and a drop-in that
 * lifts one silences its row.
 *
 * Main thread, before any other is started.
 */
#ifndef DAEMON_PREFLIGHT_H
#define DAEMON_PREFLIGHT_H

struct startup;

/*
 * Prints each finding on stderr with the command or drop-in that mends it. The
 * exit status: EX_CONFIG if the user lacks access to something. Restrictions of
 * the unit are warnings, as the service may be started without systemd. Does
 * nothing unless started as root.
 */
int preflight_check(const struct startup *startup);

#endif
