/*
 * The least that a libmilter filter can do: it agrees to what
 * front/filter.c agrees to and lets every recipient pass.
 *
 *	null_milter SOCKET
 */
#include "autoconf.h"

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long f2, unsigned long f3, unsigned long *want_actions,
    unsigned long *want_steps, unsigned long *want_f2, unsigned long *want_f3)
{
	static const int quiet[] = {SMFIM_CONNECT, SMFIM_HELO, SMFIM_ENVFROM,
	    SMFIM_DATA, SMFIM_EOH};
	char none[] = "",
	     at_rcpt[] = "i {rcpt_mailer} {rcpt_host} "
			 "{client_addr}",
	     at_end[] = "i";

	(void)f2;
	(void)f3;
	*want_actions = actions & SMFIF_SETSYMLIST;
	*want_steps = steps &
	    (SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOBODY | SMFIP_NOHDRS |
		SMFIP_NOEOH | SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NR_MAIL);
	*want_f2 = 0;
	*want_f3 = 0;
	for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++)
		(void)smfi_setsymlist(ctx, quiet[i], none);
	(void)smfi_setsymlist(ctx, SMFIM_ENVRCPT, at_rcpt);
	(void)smfi_setsymlist(ctx, SMFIM_EOM, at_end);
	return SMFIS_CONTINUE;
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return SMFIS_NOREPLY;
}

static sfsistat
on_recipient(SMFICTX *ctx, char **argv)
{
	(void)ctx;
	(void)argv;
	return SMFIS_CONTINUE;
}

static sfsistat
on_end_of_message(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

int
main(int argc, char **argv)
{
	char name[] = "null_milter";
	struct smfiDesc description = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_recipient,
	    .xxfi_eom = on_end_of_message,
	    .xxfi_negotiate = on_negotiate,
	};
	struct rlimit limit;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: null_milter SOCKET\n");
		return 64;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (smfi_setconn(argv[1]) == MI_FAILURE ||
	    smfi_register(description) == MI_FAILURE ||
	    smfi_opensocket(1) == MI_FAILURE)
		return 1;
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
