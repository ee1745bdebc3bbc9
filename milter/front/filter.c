/*
 * libmilter's callbacks in the order of one SMTP session:
 *
 *	OPTNEG   what the MTA offers; which macros are wanted
 *	MAIL     a new message: forget the one before; is its sender exempt?
 *	         (no reply is sent)
 *	RCPT     judge; continue, or refuse this recipient
 *	header   TLS-Required, if it is to be honoured (no reply is sent)
 *	ABORT    forget
 *	EOM      hold or refuse what could not be refused at RCPT
 *
 * MAIL must not be declined. After that Sendmail would not send ABORT for a
 * RSET either, and the next message would inherit what this one has deferred to
 * its end. RCPT never returns SMFIS_ACCEPT, which ends the filtering of the
 * whole message.
 */
#include "autoconf.h"

#include "front/filter.h"

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/snapshot.h"
#include "front/listen.h"
#include "front/recipient.h"
#include "log/log.h"

/* Callbacks are as deep as a log line and an OpenSSL-free call of ask_wait():
 * the 8 MiB that threads get otherwise are address space for nothing. */
#define STACK_SIZE ((size_t)512 * 1024)
/* How much longer than a recipient's deadline to wait at the stop. */
#define DRAIN_SLACK_MS 2000

#define STEPS_UNWANTED                                                  \
	(SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOBODY | SMFIP_NOHDRS | \
	    SMFIP_NOEOH | SMFIP_NOUNKNOWN | SMFIP_NODATA)

/* One per SMTP session. */
struct connection {
	struct eom_action eom;
	bool can_hold;
	bool mail_without_reply;
	bool sees_headers;
	bool header_without_reply;
};

static const struct eom_action no_message;

/* libmilter's callbacks have no argument of the caller's. */
static struct {
	struct inflight inflight;
	struct filter_parts parts;
	struct pool_waker *waker;
	atomic_flag told_of_address;
} filter = {.inflight = INFLIGHT_INITIALIZER,
    .told_of_address = ATOMIC_FLAG_INIT};

/* --- macros --- */

#define MACROS_SIZE 128

static const struct {
	int stage;
	const char *macros;
} symlists[] = {
    {SMFIM_CONNECT, ""						     },
    {SMFIM_HELO,    ""						     },
    {SMFIM_ENVFROM, ""						     },
    {SMFIM_ENVRCPT, "i {rcpt_mailer} {rcpt_host} {rcpt_addr} {client_addr}"},
    {SMFIM_DATA,    ""						     },
    {SMFIM_EOH,     ""						     },
    {SMFIM_EOM,     "i"						    },
};

#define N_SYMLISTS (sizeof(symlists) / sizeof(symlists[0]))

/* The value; NULL: the MTA does not say. libmilter reads the name, but does
 * not declare it const. */
static const char *
macro(SMFICTX *ctx, const char *name)
{
	char copy[MACROS_SIZE];

	(void)snprintf(copy, sizeof(copy), "%s", name);
	return smfi_getsymval(ctx, copy);
}

/* --- callbacks --- */

/* NULL: there was no memory. */
static struct connection *
connection_of(SMFICTX *ctx)
{
	struct connection *connection = smfi_getpriv(ctx);

	if (connection != NULL)
		return connection;
	connection = calloc(1, sizeof(*connection));
	if (connection != NULL && smfi_setpriv(ctx, connection) == MI_FAILURE) {
		free(connection);
		connection = NULL;
	}
	return connection;
}

/* Asks only for what is configured: an MTA may refuse a filter that wants more
 * than the MTA allows. */
static void
want(unsigned long *actions, unsigned long *unwanted_steps)
{
	struct snapshot *snapshot;

	*actions = SMFIF_SETSYMLIST;
	*unwanted_steps = STEPS_UNWANTED;
	if (!inflight_enter(&filter.inflight))
		return;
	snapshot = snapshot_acquire(filter.parts.snapshots);
	if (snapshot->config->rules.action == RULE_ACTION_QUARANTINE)
		*actions |= SMFIF_QUARANTINE;
	if (snapshot->config->honor_tls_required_no)
		*unwanted_steps &= ~(unsigned long)SMFIP_NOHDRS;
	snapshot_release(&snapshot);
	inflight_leave(&filter.inflight);
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long f2, unsigned long f3, unsigned long *want_actions,
    unsigned long *want_steps, unsigned long *want_f2, unsigned long *want_f3)
{
	struct connection *connection = connection_of(ctx);

	(void)f2;
	(void)f3;
	want(want_actions, want_steps);
	*want_actions &= actions;
	*want_steps &= steps;
	*want_f2 = 0;
	*want_f3 = 0;
	/* Without a connection there is no memory to keep the agreement in. */
	if (connection != NULL) {
		connection->can_hold = (*want_actions & SMFIF_QUARANTINE) != 0;
		connection->mail_without_reply = (steps & SMFIP_NR_MAIL) != 0;
		connection->sees_headers = (*want_steps & SMFIP_NOHDRS) == 0;
		connection->header_without_reply =
		    connection->sees_headers && (steps & SMFIP_NR_HDR) != 0;
		*want_steps |= steps & SMFIP_NR_MAIL;
		if (connection->header_without_reply)
			*want_steps |= SMFIP_NR_HDR;
	}
	for (size_t i = 0; i < N_SYMLISTS && (actions & SMFIF_SETSYMLIST) != 0;
	     i++) {
		char copy[MACROS_SIZE];

		(void)snprintf(copy, sizeof(copy), "%s", symlists[i].macros);
		(void)smfi_setsymlist(ctx, symlists[i].stage, copy);
	}
	return SMFIS_CONTINUE;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	struct connection *connection = smfi_getpriv(ctx);

	if (connection == NULL)
		return SMFIS_CONTINUE;
	connection->eom = no_message;
	if (inflight_enter(&filter.inflight)) {
		struct snapshot *snapshot =
		    snapshot_acquire(filter.parts.snapshots);

		eom_action_mail(&connection->eom, &snapshot->config->scope,
		    argv);
		snapshot_release(&snapshot);
		inflight_leave(&filter.inflight);
	}
	return connection->mail_without_reply ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct connection *connection = smfi_getpriv(ctx);

	if (connection == NULL || !connection->sees_headers)
		return SMFIS_CONTINUE;
	eom_action_header(&connection->eom, name, value);
	return connection->header_without_reply ? SMFIS_NOREPLY
						: SMFIS_CONTINUE;
}

/* If libmilter rejects the reply, the MTA gets the bare status. */
static sfsistat
refuse(SMFICTX *ctx, const struct reply *reply)
{
	struct reply copy = *reply;

	if (smfi_setreply(ctx, copy.code, copy.xcode, copy.text) == MI_FAILURE)
		log_msg(filter.parts.log, LOG_LEVEL_ERROR, "setreply",
		    "libmilter refused %s %s %s", reply->code, reply->xcode,
		    reply->text);
	return reply->code[0] == '5' ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

static void
before_wait(void)
{
	pool_waker_wake(filter.waker);
}

static sfsistat
judge(SMFICTX *ctx, const char *arg)
{
	struct connection *connection = connection_of(ctx);
	struct eom_action *eom = connection != NULL ? &connection->eom : NULL;
	/* A reload meanwhile does not affect a recipient that has begun. */
	struct snapshot *snapshot = snapshot_acquire(filter.parts.snapshots);
	const struct recipient_context context = {.config = snapshot->config,
	    .engine = filter.parts.engine,
	    .log = filter.parts.log,
	    .metrics = filter.parts.metrics,
	    .deferrals = filter.parts.deferrals,
	    .before_wait = before_wait,
	    .told_of_address = &filter.told_of_address};
	struct recipient_result result;
	const struct recipient recipient = {
	    .arg = arg,
	    .mailer = macro(ctx, "{rcpt_mailer}"),
	    .host = macro(ctx, "{rcpt_host}"),
	    .address = macro(ctx, "{rcpt_addr}"),
	    .queue_id = macro(ctx, "i"),
	    .client = macro(ctx, "{client_addr}"),
	    .exempted_by = eom != NULL && eom->exempted_by[0] != '\0'
		? eom->exempted_by
		: NULL,
	    .transaction = eom != NULL ? eom_action_transaction(eom) : NULL,
	};
	const struct eom_limits limits = {
	    .can_hold = connection != NULL && connection->can_hold,
	    .can_refuse = recipient.mailer != NULL || recipient.host != NULL,
	};

	recipient_judge(&context, &recipient, &result);
	snapshot_release(&snapshot);
	if (eom_action_recipient(eom, &limits, &result,
		recipient.queue_id != NULL) == RECIPIENT_REFUSE)
		return refuse(ctx, &result.reply);
	return SMFIS_CONTINUE;
}

static sfsistat
on_recipient(SMFICTX *ctx, char **argv)
{
	sfsistat status;

	/* After the stop the sender has to retry. */
	if (!inflight_enter(&filter.inflight))
		return SMFIS_TEMPFAIL;
	status = judge(ctx, argv[0] != NULL ? argv[0] : "");
	inflight_leave(&filter.inflight);
	return status;
}

static void
log_end_of_message(SMFICTX *ctx, const struct eom_action *eom,
    const char *action, enum reason reason, const char *why)
{
	struct log_event e;
	const char *queue_id = macro(ctx, "i");

	log_begin(&e, filter.parts.log, LOG_LEVEL_WARNING, "eom");
	log_str(&e, "qid", queue_id != NULL ? queue_id : "NOQUEUE");
	log_str(&e, "action", action);
	log_str(&e, "reason", reason_name(reason));
	log_str(&e, "text", eom->reply.text);
	if (why != NULL)
		log_str(&e, "why", why);
	log_end(&e);
}

static sfsistat
end_message(SMFICTX *ctx, const struct eom_action *eom)
{
	enum recipient_answer answer = eom_action_end(eom);
	struct reply reply = eom->reply;

	eom_action_log(eom, filter.parts.log, macro(ctx, "i"));
	if (answer == RECIPIENT_PASS)
		return SMFIS_CONTINUE;
	/* The sender asks for delivery without TLS. RFC 8689 4.1: the header
	 * does not count beside REQUIRETLS. */
	if (eom->tls_not_needed && !eom->tls_header_odd && !eom->require_tls) {
		log_end_of_message(ctx, eom, "pass", REASON_EXEMPT,
		    "TLS-Required: No");
		return SMFIS_CONTINUE;
	}
	/* A message that cannot be held must not pass. */
	if (answer == RECIPIENT_HOLD &&
	    smfi_quarantine(ctx, reply.text) == MI_SUCCESS) {
		log_end_of_message(ctx, eom, "quarantine", eom->reason, NULL);
		return SMFIS_CONTINUE;
	}
	log_end_of_message(ctx, eom, "defer", eom->reason, NULL);
	return refuse(ctx, &eom->reply);
}

static sfsistat
on_end_of_message(SMFICTX *ctx)
{
	struct connection *connection = smfi_getpriv(ctx);
	sfsistat status;

	if (connection == NULL)
		return SMFIS_CONTINUE; /* then nothing was deferred to now */
	if (!inflight_enter(&filter.inflight))
		return eom_action_end(&connection->eom) == RECIPIENT_PASS
		    ? SMFIS_CONTINUE
		    : SMFIS_TEMPFAIL;
	status = end_message(ctx, &connection->eom);
	inflight_leave(&filter.inflight);
	connection->eom = no_message;
	return status;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct connection *connection = smfi_getpriv(ctx);

	if (connection != NULL)
		connection->eom = no_message;
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	free(smfi_getpriv(ctx));
	(void)smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

/* --- listening and serving --- */

int
filter_listen(const struct config *config, char error[FILTER_ERROR_SIZE])
{
	char name[] = "dane-sts-milter";
	struct smfiDesc description = {
	    .xxfi_name = name, /* copied */
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_QUARANTINE,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_recipient,
	    .xxfi_header = on_header,
	    .xxfi_eom = on_end_of_message,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_close,
	    .xxfi_negotiate = on_negotiate,
	};

	if (smfi_register(description) == MI_FAILURE ||
	    smfi_settimeout(FILTER_IDLE_S) == MI_FAILURE) {
		snprintf(error, FILTER_ERROR_SIZE,
		    "libmilter refused the filter's description");
		return ERR_IO;
	}
	if (filter_socket_open(config, error) < 0)
		return ERR_IO;
	filter.waker = pool_waker_new(config->socket);
	return 0;
}

void
filter_unlisten(const struct config *config)
{
	const char *path = listen_unix_path(config->socket);

	if (path != NULL)
		(void)unlink(path);
}

/* Sets the size for all threads that libmilter starts. */
static void
shrink_stacks(void)
{
#ifdef HAVE_PTHREAD_SETATTR_DEFAULT_NP
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) != 0)
		return;
	if (pthread_attr_setstacksize(&attr, STACK_SIZE) == 0)
		(void)pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
#endif
}

/* libmilter does not wait for its callbacks, and its threads live on. */
static bool
drain(void)
{
	struct snapshot *snapshot = snapshot_acquire(filter.parts.snapshots);
	uint64_t wait_ms = snapshot->config->deadline_ms;

	snapshot_release(&snapshot);
	/* Callbacks may have begun under the deadline configured at startup. */
	if (wait_ms < filter.parts.started->deadline_ms)
		wait_ms = filter.parts.started->deadline_ms;
	return inflight_close(&filter.inflight,
	    clock_mono_ms() + wait_ms + DRAIN_SLACK_MS);
}

/* libmilter exports it, but declares it in no header. 0, MI_STOPPED after
 * SIGTERM or SIGHUP, and another number after SIGINT and when it gives up. */
extern int mi_stop(void) __attribute__((weak));
#define MI_STOPPED 1

/* Returns 0 as well when a signal came before libmilter had begun to listen: it
 * has closed the socket then, cannot bind it anew, and reports a failure. */
static int
serve(struct log *log)
{
	if (smfi_main() != MI_FAILURE ||
	    (mi_stop != NULL && mi_stop() == MI_STOPPED))
		return 0;
	log_msg(log, LOG_LEVEL_ERROR, "milter",
	    "libmilter gave up; it told syslog why");
	return ERR_LIBRARY;
}

int
filter_run(const struct filter_parts *parts, bool *drained)
{
	int err;

	filter.parts = *parts;
	filter_socket_warn(parts->log);
	filter_socket_limit(parts->log, parts->connections_max,
	    parts->packet_ms);
	shrink_stacks();
	err = serve(parts->log);
	*drained = drain();
	listen_remove(parts->started->socket);
	return err;
}
