/*
 * front/filter: libmilter's side of the protocol, with the MTA played by this
 * file and the engine by ask_wait() below. The filter runs in a process of its
 * own: libmilter keeps its state in globals.
 */
#include "autoconf.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"
#include "config/snapshot.h"
#include "engine/ask.h"
#include "front/filter.h"
#include "log/log.h"

/* --- the engine that is played: the domain tells what it says --- */

static int entered[2]; /* an octet comes when slow.test is asked about */
static int release[2]; /* and one lets it go on */

static const struct fact_policy policy = {.id = "1",
    .max_age_s = 86400,
    .dnssec = true};

static const struct config *judged_by;

const struct answer *
ask_wait(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, void (*before_wait)(void), bool *cached)
{
	struct {
		struct answer answer;
		struct facts facts;
		struct target target;
	} *made = calloc(1, sizeof(*made));
	char octet;

	(void)engine;
	(void)deadline_ms;
	*cached = false;
	if (made == NULL)
		return NULL;
	if (strcmp(target->domain, "slow.test") == 0) {
		before_wait();
		(void)!write(entered[1], "", 1);
		(void)!read(release[0], &octet, 1);
	}
	made->target = *target;
	made->facts.recipient.class = ADDRESS_DOMAIN;
	made->facts.recipient.domain = made->target.domain;
	made->facts.txt_state = TXT_VALID;
	made->facts.txt_id = "1";
	made->facts.stored = &policy;
	made->facts.mx.status = strncmp(target->domain, "good", 4) == 0
	    ? FACT_SECURE
	    : FACT_INSECURE;
	made->facts.mx.answer = ANSWER_NXDOMAIN;
	made->answer.facts = &made->facts;
	decide(&made->facts, &judged_by->rules, DECIDE_FINAL,
	    &made->answer.verdict);
	return &made->answer;
}

void
answer_unref(const struct answer **answer)
{
	/* The first member of what ask_wait() made. */
	free((void *)(uintptr_t)*answer);
	*answer = NULL;
}

/* --- the filter's process --- */

static char directory[] = "/tmp/test_filter.XXXXXX";
static char socket_path[sizeof(directory) + 16];
static char config_path[sizeof(directory) + 16];
static char log_path[sizeof(directory) + 16];
static pid_t filter_pid;
static unsigned connections_max; /* 0: as it is */
static unsigned packet_ms;

static void
set_up(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", directory);
	snprintf(config_path, sizeof(config_path), "%s/conf", directory);
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	cr_assert_eq(pipe(entered), 0);
	cr_assert_eq(pipe(release), 0);
}

static void
tear_down(void)
{
	if (filter_pid > 0) {
		kill(filter_pid, SIGKILL);
		waitpid(filter_pid, NULL, 0);
	}
	unlink(socket_path);
	unlink(config_path);
	unlink(log_path);
	rmdir(directory);
}

TestSuite(filter, .init = set_up, .fini = tear_down, .timeout = 120);

static struct config *
load_config(const char *more)
{
	char error[CONFIG_ERROR_SIZE];
	FILE *file = fopen(config_path, "we");
	struct config *config;

	cr_assert(file != NULL);
	fprintf(file,
	    "socket = \"unix:%s\"\nuser = \"\"\nlog = \"file:%s\"\n%s",
	    socket_path, log_path, more);
	fclose(file);
	config = config_load(config_path, error);
	cr_assert(config != NULL, "%s", error);
	return config;
}

#ifdef SYS_lchown
#define SYS_lchown_or_fchown SYS_lchown
#else
#define SYS_lchown_or_fchown SYS_fchown
#endif
#ifndef SYS_clone3
#define SYS_clone3 SYS_clone
#endif

/* Two system calls, to this process. */
static void
forbid(uint32_t one, uint32_t other)
{
	struct sock_filter rules[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, one, 2, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, other, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog program = {.len = sizeof(rules) / sizeof(rules[0]),
	    .filter = rules};

	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		cr_skip_test("no seccomp here");
}

/* The filter's process. */
static bool without_threads;
static bool stopped_before;

/* Exit codes: 0 drained, 1 not, 2 could not listen, 3 libmilter gave up. */
static _Noreturn void
run_filter(struct config *config, int ready)
{
	char error[FILTER_ERROR_SIZE];
	char log_error[LOG_ERROR_SIZE];
	struct snapshot *started = snapshot_new(config);
	struct snapshots *snapshots = snapshots_new(snapshot_hold(started));
	struct filter_parts parts = {.started = config, .snapshots = snapshots};
	sigset_t set;
	bool drained;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	judged_by = config;
	parts.log = log_open(&config->log_config, "test", log_error);
	parts.connections_max = connections_max;
	parts.packet_ms = packet_ms;
	if (parts.log == NULL || filter_listen(config, error) < 0)
		_exit(2);
	if (without_threads)
		forbid(SYS_clone, SYS_clone3);
	if (stopped_before)
		(void)kill(getpid(), SIGTERM);
	(void)!write(ready, "", 1);
	err = filter_run(&parts, &drained);
	_exit(err < 0 ? 3 : drained ? 0 : 1);
}

static void
start_filter(const char *more)
{
	struct config *config = load_config(more);
	int ready[2];
	char octet;

	cr_assert_eq(pipe(ready), 0);
	filter_pid = fork();
	cr_assert_geq(filter_pid, 0);
	if (filter_pid == 0)
		run_filter(config, ready[1]);
	close(ready[1]);
	cr_assert_eq(read(ready[0], &octet, 1), 1);
	close(ready[0]);
	config_free(&config);
}

static int
stop_filter(void)
{
	int status = 0;

	cr_assert_eq(kill(filter_pid, SIGTERM), 0);
	cr_assert_eq(waitpid(filter_pid, &status, 0), filter_pid);
	filter_pid = 0;
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
log_holds(const char *text)
{
	static char octets[262144];
	FILE *file = fopen(log_path, "re");
	size_t n;

	cr_assert(file != NULL);
	n = fread(octets, 1, sizeof(octets) - 1, file);
	octets[n] = '\0';
	fclose(file);
	return strstr(octets, text) != NULL;
}

/* --- the MTA that is played --- */

enum {
	ACTION_QUARANTINE = 0x20,
	ACTION_SETSYMLIST = 0x100,
	STEP_NOMAIL = 0x4,
	STEP_NORCPT = 0x8,
	STEP_NOHDRS = 0x20,
	STEP_NR_HDR = 0x80,
	STEP_RCPT_REJ = 0x800,
	STEP_NR_MAIL = 0x4000,
	STEPS_ALL = 0x1fffff,
	ACTIONS_ALL = 0x1ff,
};

struct mta {
	int fd;
	uint32_t actions; /* as agreed */
	uint32_t steps;
	char text[4096]; /* of the last answer, behind its code */
	size_t len;
	char quarantine[4096]; /* reason; "" */
};

/* In one piece: a filter that waits half a second for a packet waits for us. */
static void
send_packet(struct mta *mta, char command, const void *data, size_t len)
{
	static uint8_t packet[1 << 17];
	uint32_t size = htonl((uint32_t)len + 1);

	cr_assert_leq(len, sizeof(packet) - 5);
	memcpy(packet, &size, 4);
	packet[4] = (uint8_t)command;
	if (len > 0)
		memcpy(packet + 5, data, len);
	cr_assert_eq(send(mta->fd, packet, len + 5, MSG_NOSIGNAL),
	    (ssize_t)len + 5);
}

static char
receive_packet(struct mta *mta)
{
	uint32_t size;
	char command;

	cr_assert_eq(recv(mta->fd, &size, 4, MSG_WAITALL), 4);
	mta->len = ntohl(size) - 1;
	cr_assert_lt(mta->len, sizeof(mta->text));
	cr_assert_eq(recv(mta->fd, &command, 1, MSG_WAITALL), 1);
	if (mta->len > 0)
		cr_assert_eq(recv(mta->fd, mta->text, mta->len, MSG_WAITALL),
		    (ssize_t)mta->len);
	mta->text[mta->len] = '\0';
	return command;
}

static char
answer_to(struct mta *mta)
{
	char command = receive_packet(mta);

	if (command == 'q') {
		snprintf(mta->quarantine, sizeof(mta->quarantine), "%s",
		    mta->text);
		command = receive_packet(mta);
	}
	return command;
}

static void
open_mta(struct mta *mta, uint32_t actions, uint32_t steps)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	uint32_t offer[3] = {htonl(6), htonl(actions), htonl(steps)};
	uint32_t agreed[3];

	memset(mta, 0, sizeof(*mta));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	mta->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(mta->fd, (struct sockaddr *)&address,
			 sizeof(address)),
	    0);
	send_packet(mta, 'O', offer, sizeof(offer));
	cr_assert_eq(receive_packet(mta), 'O');
	cr_assert_geq(mta->len, sizeof(agreed));
	memcpy(agreed, mta->text, sizeof(agreed));
	mta->actions = ntohl(agreed[1]);
	mta->steps = ntohl(agreed[2]);
}

static void
close_mta(struct mta *mta)
{
	send_packet(mta, 'Q', NULL, 0);
	close(mta->fd);
}

static void
send_macros(struct mta *mta, char command, const char *const *pairs)
{
	char data[1024];
	size_t len = 1;

	data[0] = command;
	for (size_t i = 0; pairs[i] != NULL; i++) {
		memcpy(data + len, pairs[i], strlen(pairs[i]) + 1);
		len += strlen(pairs[i]) + 1;
	}
	send_packet(mta, 'D', data, len);
}

/* len: with the NUL octets that end the sender and each parameter. */
static void
send_mail_from(struct mta *mta, const char *words, size_t len)
{
	static const char *const macros[] = {"{mail_addr}", "s@t", NULL};

	send_macros(mta, 'M', macros);
	send_packet(mta, 'M', words, len);
	if ((mta->steps & STEP_NR_MAIL) == 0)
		cr_assert_eq(answer_to(mta), 'c');
}
#define SEND_MAIL_FROM(mta, words) send_mail_from(mta, words, sizeof(words))

static void
send_mail(struct mta *mta)
{
	SEND_MAIL_FROM(mta, "<sender@test>");
}

static void
send_header(struct mta *mta, const char *name, const char *value)
{
	char data[1024];
	size_t len = strlen(name) + 1;

	memcpy(data, name, len);
	memcpy(data + len, value, strlen(value) + 1);
	send_packet(mta, 'L', data, len + strlen(value) + 1);
	if ((mta->steps & STEP_NR_HDR) == 0)
		cr_assert_eq(answer_to(mta), 'c');
}

/* By smtpd; macros end in NULL. */
static char
send_rcpt_with(struct mta *mta, const char *arg, const char *const *macros)
{
	send_macros(mta, 'R', macros);
	send_packet(mta, 'R', arg, strlen(arg) + 1);
	return answer_to(mta);
}

/* By smtpd: with {rcpt_mailer}. */
static char
send_rcpt(struct mta *mta, const char *arg)
{
	static const char *const macros[] = {"i", "4Q2x", "{rcpt_mailer}",
	    "smtp", "{client_addr}", "192.0.2.1", NULL};

	send_macros(mta, 'R', macros);
	send_packet(mta, 'R', arg, strlen(arg) + 1);
	return answer_to(mta);
}

/* Under non_smtpd_milters: without. */
static char
send_local_rcpt(struct mta *mta, const char *arg)
{
	static const char *const macros[] = {"i", "4Q2x", NULL};

	send_macros(mta, 'R', macros);
	send_packet(mta, 'R', arg, strlen(arg) + 1);
	return answer_to(mta);
}

static char
send_end(struct mta *mta)
{
	static const char *const macros[] = {"i", "4Q2x", NULL};

	send_macros(mta, 'E', macros);
	send_packet(mta, 'E', NULL, 0);
	return answer_to(mta);
}

/* --- negotiation --- */

Test(filter, asks_for_as_little_as_can_be)
{
	struct mta mta;

	start_filter("");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	cr_assert_eq(mta.actions, ACTION_SETSYMLIST);
	/* MAIL comes, but is not answered; RCPT comes. */
	cr_assert_eq(mta.steps & (STEP_NOMAIL | STEP_NORCPT), 0U);
	cr_assert_eq(mta.steps & STEP_NR_MAIL, STEP_NR_MAIL);
	cr_assert_eq(mta.steps & STEP_RCPT_REJ, 0U);
	/* CONNECT HELO BODY HDRS EOH UNKNOWN DATA do not. */
	cr_assert_eq(mta.steps & 0x373, 0x373U);
	cr_assert(
	    memmem(mta.text, mta.len, "{rcpt_mailer} {rcpt_host} {rcpt_addr}",
		strlen("{rcpt_mailer} {rcpt_host} {rcpt_addr}")) != NULL);
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}

Test(filter, takes_an_mta_that_offers_nothing)
{
	struct mta mta;

	start_filter("");
	open_mta(&mta, 0, 0);
	cr_assert_eq(mta.actions, 0U);
	/* libmilter takes 0 for what the first version of the protocol had. */
	cr_assert_eq(mta.steps, 0x33U, "%x", mta.steps);
	send_mail(&mta); /* with an answer */
	cr_assert_eq(send_rcpt(&mta, "<u@good.test>"), 'c');
	cr_assert_eq(send_rcpt(&mta, "<u@bad.test>"), 'y');
	cr_assert_eq(send_end(&mta), 'c');
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}

/* --- answers --- */

Test(filter, refuses_one_recipient_and_no_other_A01_A04_A05)
{
	struct mta mta;

	start_filter("");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	send_mail(&mta);
	cr_assert_eq(send_rcpt(&mta, "<u@good.test>"), 'c');
	cr_assert_eq(send_rcpt(&mta, "<u@bad.test>"), 'y');
	cr_assert_str_eq(mta.text,
	    "450 4.7.5 bad.test: DNSSEC required by policy, MX of bad.test: "
	    "insecure");
	cr_assert_eq(send_rcpt(&mta, "<u@good.test>"), 'c');
	cr_assert_eq(send_end(&mta), 'c');
	cr_assert_str_eq(mta.quarantine, "");
	close_mta(&mta);
	cr_assert(log_holds("rcpt qid=4Q2x to=<u@bad.test> domain=bad.test "
			    "verdict=defer reason=mx-insecure"));
	cr_assert_eq(stop_filter(), 0);
}

Test(filter, monitor_refuses_nothing_A06)
{
	struct mta mta;

	start_filter("mode = monitor\n");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	send_mail(&mta);
	cr_assert_eq(send_rcpt(&mta, "<u@bad.test>"), 'c');
	cr_assert_eq(send_local_rcpt(&mta, "<u@bad.test>"), 'c');
	cr_assert_eq(send_end(&mta), 'c');
	close_mta(&mta);
	cr_assert(log_holds("verdict=defer reason=mx-insecure mode=monitor"));
	cr_assert_eq(stop_filter(), 0);
}

Test(filter, quarantine_holds_the_message_at_its_end)
{
	struct mta mta;

	start_filter("action = quarantine\n");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	cr_assert_eq(mta.actions, ACTION_QUARANTINE | ACTION_SETSYMLIST);
	send_mail(&mta);
	cr_assert_eq(send_rcpt(&mta, "<u@bad.test>"), 'c');
	cr_assert_eq(send_end(&mta), 'c');
	cr_assert(strstr(mta.quarantine, "bad.test: DNSSEC required") != NULL);
	cr_assert(log_holds("eom qid=4Q2x action=quarantine "
			    "reason=mx-insecure"));
	/* The next message owes nothing. */
	mta.quarantine[0] = '\0';
	send_mail(&mta);
	cr_assert_eq(send_rcpt(&mta, "<u@good.test>"), 'c');
	cr_assert_eq(send_end(&mta), 'c');
	cr_assert_str_eq(mta.quarantine, "");
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}

/* What cannot be held must not pass. */
Test(filter, without_quarantine_in_the_mta_the_recipient_is_refused)
{
	struct mta mta;

	start_filter("action = quarantine\n");
	open_mta(&mta, ACTION_SETSYMLIST, STEPS_ALL);
	send_mail(&mta);
	cr_assert_eq(send_rcpt(&mta, "<u@bad.test>"), 'y');
	cr_assert_eq(strncmp(mta.text, "450 4.7.5 ", 10), 0);
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}

static const struct {
	const char *options;
	char end;
	const char *reply;
	bool quarantine;
} local[] = {
    {"action = tempfail\n",   'y', "450 4.7.5 bad.test", false},
    {"action = reject\n",     'y', "450 4.7.5 bad.test", false},
    {"action = quarantine\n", 'c', "",                   true },
};

/* Without {rcpt_mailer}: sendmail(1). */
Test(filter, never_refuses_at_rcpt_under_non_smtpd_milters)
{
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		struct mta mta;

		start_filter(local[i].options);
		open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
		send_mail(&mta);
		cr_assert_eq(send_local_rcpt(&mta, "u@bad.test"), 'c');
		cr_assert_eq(send_local_rcpt(&mta, "u@good.test"), 'c');
		cr_assert_eq(send_end(&mta), local[i].end);
		cr_assert_eq(strncmp(mta.text, local[i].reply,
				 strlen(local[i].reply)),
		    0);
		cr_assert_eq(mta.quarantine[0] != '\0', local[i].quarantine);
		close_mta(&mta);
		cr_assert_eq(stop_filter(), 0);
	}
}

/* R-07: only where the MTA does not say where a recipient goes. */
Test(filter, local_domains_pass_under_non_smtpd_milters_R07)
{
	struct mta mta;

	start_filter("local_domains = {\"bad.test\"}\n");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	send_mail(&mta);
	cr_assert_eq(send_local_rcpt(&mta, "cron@bad.test"), 'c');
	cr_assert_eq(send_end(&mta), 'c');
	cr_assert(log_holds("to=cron@bad.test domain=- verdict=pass "
			    "reason=local"));
	send_mail(&mta);
	cr_assert_eq(send_local_rcpt(&mta, "cron@bad.test"), 'c');
	cr_assert_eq(send_local_rcpt(&mta, "u@bad2.test"), 'c');
	cr_assert_eq(send_end(&mta), 'y');
	send_mail(&mta);
	cr_assert_eq(send_rcpt(&mta, "<u@bad.test>"), 'y');
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}

/* R-19: a sender can write the argument as he likes. */
Test(filter, exemptions_match_what_the_mta_says_R19)
{
	static const char *const bound[] = {"{rcpt_mailer}", "smtp",
	    "{rcpt_host}", "bad.test", "{rcpt_addr}", "u@bad.test", NULL};
	static const char *const relayed[] = {"{rcpt_mailer}", "smtp",
	    "{rcpt_host}", "bad.test", "{rcpt_addr}", "u@exempt.test", NULL};
	struct mta mta;

	start_filter("exempt_domains = {\"exempt.test\"}\n");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	send_mail(&mta);
	cr_expect_eq(send_rcpt_with(&mta, "<u%bad.test@exempt.test>", bound),
	    'y');
	cr_expect_eq(send_rcpt_with(&mta, "<u@virtual.test>", relayed), 'c');
	close_mta(&mta);
	cr_assert(log_holds("domain=bad.test next_hop=bad.test verdict=pass "
			    "reason=exempt"));
	cr_assert_eq(stop_filter(), 0);
}

/* S-09: the sender of a message, and of no other. */
Test(filter, mail_of_exempt_senders_passes_S09)
{
	struct mta mta;

	start_filter("exempt_senders = {\"tlsrpt@us.test\"}\n");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	cr_expect_eq(mta.steps & STEP_NOHDRS, STEP_NOHDRS);
	SEND_MAIL_FROM(&mta, "<tlsrpt@US.test>\0SIZE=1000");
	cr_expect_eq(send_rcpt(&mta, "<u@bad.test>"), 'c');
	cr_expect_eq(send_local_rcpt(&mta, "u@bad.test"), 'c');
	cr_expect_eq(send_end(&mta), 'c');
	cr_expect(log_holds("to=<u@bad.test> domain=bad.test verdict=pass "
			    "reason=exempt"));
	cr_expect(log_holds("why=\"exempt_senders: tlsrpt@us.test\""));
	SEND_MAIL_FROM(&mta, "<other@us.test>");
	cr_expect_eq(send_rcpt(&mta, "<u@bad.test>"), 'y');
	SEND_MAIL_FROM(&mta, "<tlsrpt@us.test>");
	send_packet(&mta, 'A', NULL, 0);
	cr_expect_eq(send_rcpt(&mta, "<u@bad.test>"), 'y');
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}

/* RFC 8689: words of MAIL FROM and headers of a message that is judged at its
 * end. */
static const struct {
	const char *options;
	const char *words;
	size_t len;
	const char *headers[2][2];
	char end;
} tls_required[] = {
#define MAIL(words) words, sizeof(words)
    {"",			       MAIL("<s@us.test>"),             {{"TLS-Required", "No"}}, 'y'},
    {"honor_tls_required_no = true\n", MAIL("<s@us.test>"),
					    {{"TLS-Required", "No"}},								    'c'},
    {"honor_tls_required_no = true\n", MAIL("<s@us.test>"),
					    {{"Tls-required", " no\r\n "}},							      'c'},
    {"honor_tls_required_no = true\n", MAIL("<s@us.test>"),
					    {{"TLS-Required", "Yes"}},								   'y'},
    {"honor_tls_required_no = true\n", MAIL("<s@us.test>"),
					    {{"TLS-Required", "No, thanks"}},							    'y'},
    {"honor_tls_required_no = true\n", MAIL("<s@us.test>"),
					    {{"TLS-Required", "No way"}},								'y'},
    {"honor_tls_required_no = true\n", MAIL("<s@us.test>"),
					    {{"TLS-Required", ""}},								      'y'},
    {"honor_tls_required_no = true\n", MAIL("<s@us.test>"),
					    {{"TLS-Required", "No"}, {"TLS-Required", "Yes"}},                                           'y'},
    {"honor_tls_required_no = true\n", MAIL("<s@us.test>"),
					    {{"X-TLS-Required", "No"}},								  'y'},
    {"honor_tls_required_no = true\n", MAIL("<s@us.test>\0REQUIRETLS"),
					    {{"TLS-Required", "No"}},								    'y'},
#undef MAIL
};

Test(filter, TLS_Required_No_lets_a_message_pass_at_its_end_S09)
{
	for (size_t i = 0; i < sizeof(tls_required) / sizeof(*tls_required);
	     i++) {
		struct mta mta;

		start_filter(tls_required[i].options);
		open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
		cr_expect_eq((mta.steps & STEP_NOHDRS) != 0,
		    tls_required[i].options[0] == '\0', "row %zu", i);
		send_mail_from(&mta, tls_required[i].words,
		    tls_required[i].len);
		cr_expect_eq(send_local_rcpt(&mta, "u@bad.test"), 'c');
		for (size_t h = 0; h < 2; h++) {
			if ((mta.steps & STEP_NOHDRS) == 0 &&
			    tls_required[i].headers[h][0] != NULL)
				send_header(&mta, tls_required[i].headers[h][0],
				    tls_required[i].headers[h][1]);
		}
		cr_expect_eq(send_end(&mta), tls_required[i].end, "row %zu", i);
		/* The next message has not said it. */
		send_mail(&mta);
		cr_expect_eq(send_local_rcpt(&mta, "u@bad.test"), 'c');
		cr_expect_eq(send_end(&mta), 'y', "row %zu", i);
		close_mta(&mta);
		if (tls_required[i].end == 'c')
			cr_expect(log_holds("eom qid=4Q2x action=pass "
					    "reason=exempt"));
		cr_assert_eq(stop_filter(), 0);
		unlink(log_path);
	}
}

/* An MTA that wants an answer to each header, and a message that is held. */
Test(filter, TLS_Required_No_keeps_a_message_from_quarantine_S09)
{
	struct mta mta;

	start_filter("action = quarantine\nhonor_tls_required_no = true\n");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL & ~(uint32_t)STEP_NR_HDR);
	cr_expect_eq(mta.steps & (STEP_NOHDRS | STEP_NR_HDR), 0U);
	send_mail(&mta);
	cr_expect_eq(send_rcpt(&mta, "<u@bad.test>"), 'c');
	send_header(&mta, "Subject", "report");
	send_header(&mta, "TLS-Required", "No");
	cr_expect_eq(send_end(&mta), 'c');
	cr_expect_str_eq(mta.quarantine, "");
	cr_expect(log_holds("why=\"TLS-Required: No\""));
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}

/* The state of a message ends with it, however it ends. */
Test(filter, mail_and_abort_forget_the_message_before)
{
	struct mta mta;

	start_filter("");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	send_mail(&mta);
	cr_assert_eq(send_local_rcpt(&mta, "u@bad.test"), 'c');
	send_mail(&mta); /* RSET that was not told */
	cr_assert_eq(send_local_rcpt(&mta, "u@good.test"), 'c');
	cr_assert_eq(send_end(&mta), 'c');
	send_mail(&mta);
	cr_assert_eq(send_local_rcpt(&mta, "u@bad.test"), 'c');
	send_packet(&mta, 'A', NULL, 0);
	cr_assert_eq(send_local_rcpt(&mta, "u@good.test"), 'c');
	cr_assert_eq(send_end(&mta), 'c');
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}

/* S-02 */
Test(filter, hostile_arguments_are_survived_S02_R08)
{
	static char huge[60000];
	static const char *const args[] = {"", "<", "<>", "@", "<@>",
	    "<u@bad.test", "u@bad.test>", "<u@\xff\xfe>", "<u@..>", "<u@[>",
	    "<\"", "<u\r\nx@good.test>", huge};
	struct mta mta;

	memset(huge, '@', sizeof(huge) - 1);
	start_filter("");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	send_mail(&mta);
	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		char code = send_rcpt(&mta, args[i]);

		cr_assert(code == 'c' || code == 'y', "%c", code);
	}
	cr_assert_eq(send_rcpt(&mta, "<u@bad.test>"), 'y');
	cr_assert_eq(send_rcpt(&mta, "<u@good.test>"), 'c');
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}

/* --- many at once --- */

#define CROWD   16
#define IDLE_MS 50

/* Every other one has to wait, and does until all others have their answer. */
Test(filter, recipients_that_come_together_do_not_wait_for_each_other)
{
	static const char *const macros[] = {"{rcpt_mailer}", "smtp", NULL};
	static const char *const domains[] = {"<u@slow.test>", "<u@good.test>"};
	struct mta crowd[CROWD];

	start_filter("");
	for (size_t i = 0; i < CROWD; i++) {
		open_mta(&crowd[i], ACTIONS_ALL, STEPS_ALL);
		send_mail(&crowd[i]);
	}
	/* So that it finds all of them ready at the same moment, and workers
	 * idle: they stay with a connection for a millisecond. */
	(void)poll(NULL, 0, IDLE_MS);
	cr_assert_eq(kill(filter_pid, SIGSTOP), 0);
	for (size_t i = 0; i < CROWD; i++) {
		send_macros(&crowd[i], 'R', macros);
		send_packet(&crowd[i], 'R', domains[i % 2],
		    strlen(domains[i % 2]) + 1);
	}
	cr_assert_eq(kill(filter_pid, SIGCONT), 0);
	for (size_t i = 1; i < CROWD; i += 2) {
		struct pollfd answered = {crowd[i].fd, POLLIN, 0};

		cr_assert_eq(poll(&answered, 1, 20000), 1, "connection %zu", i);
		cr_expect_eq(answer_to(&crowd[i]), 'c');
	}
	for (size_t i = 0; i < CROWD; i += 2)
		cr_assert_eq(write(release[1], "", 1), 1);
	for (size_t i = 0; i < CROWD; i += 2)
		cr_expect_eq(answer_to(&crowd[i]), 'y');
	for (size_t i = 0; i < CROWD; i++)
		close_mta(&crowd[i]);
	cr_assert_eq(stop_filter(), 0);
}

/* --- stopping --- */

Test(filter, a_stop_waits_for_the_recipient_that_is_judged)
{
	static const char *const macros[] = {"{rcpt_mailer}", "smtp", NULL};
	struct mta mta;
	char octet;

	start_filter("deadline = 60s\n");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	send_mail(&mta);
	send_macros(&mta, 'R', macros);
	send_packet(&mta, 'R', "<u@slow.test>", sizeof("<u@slow.test>"));
	cr_assert_eq(read(entered[0], &octet, 1), 1);
	cr_assert_eq(kill(filter_pid, SIGTERM), 0);
	cr_assert_eq(write(release[1], "", 1), 1);
	cr_assert_eq(stop_filter(), 0);
	cr_assert(log_holds("domain=slow.test verdict=defer"));
	close(mta.fd);
}

/* --- the socket --- */

Test(filter, libmilter_giving_up_is_no_stop)
{
	int status;

	without_threads = true;
	start_filter("");
	cr_assert_eq(waitpid(filter_pid, &status, 0), filter_pid);
	filter_pid = 0;
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 3);
	cr_assert(log_holds("libmilter gave up"));
}

Test(filter, a_stop_before_it_serves_is_one)
{
	int status;

	stopped_before = true;
	/* Whether libmilter notices before or after it listens is a race. */
	for (int i = 0; i < 3; i++) {
		start_filter("");
		cr_assert_eq(waitpid(filter_pid, &status, 0), filter_pid);
		filter_pid = 0;
		cr_assert(WIFEXITED(status));
		cr_assert_eq(WEXITSTATUS(status), 0);
	}
	cr_assert_not(log_holds("libmilter gave up"));
}

Test(filter, a_live_instance_keeps_its_socket)
{
	char error[FILTER_ERROR_SIZE] = "";
	struct config *config;
	struct mta mta;

	start_filter("");
	config = load_config("");
	cr_assert_lt(filter_listen(config, error), 0);
	cr_assert(strstr(error, "another instance") != NULL, "%s", error);
	config_free(&config);
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
	cr_assert_lt(access(socket_path, F_OK), 0, "it is taken away");
}

Test(filter, a_socket_that_was_left_behind_is_replaced)
{
	struct mta mta;

	start_filter("socket_mode = 0606\n");
	cr_assert_eq(kill(filter_pid, SIGKILL), 0);
	waitpid(filter_pid, NULL, 0);
	cr_assert_eq(access(socket_path, F_OK), 0);
	start_filter("socket_mode = 0606\n");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}

Test(filter, the_socket_has_the_mode_that_was_asked_for)
{
	struct stat status;

	umask(077);
	start_filter("socket_mode = 0666\n");
	cr_assert_eq(stat(socket_path, &status), 0);
	cr_assert_eq(status.st_mode & 07777, 0666U);
	cr_assert_eq(stop_filter(), 0);
}

/* As the systemd unit has it: the group comes from the directory. */
Test(filter, a_socket_gets_its_group_where_chown_is_forbidden)
{
	struct stat status;

	if (geteuid() == 0)
		cr_assert_eq(chown(directory, (uid_t)-1, 1), 0);
	cr_assert_eq(chmod(directory, 02750), 0);
	/* As an init system's sandbox may do, for good. */
	forbid(SYS_fchownat, SYS_lchown_or_fchown);
	cr_assert_lt(lchown(directory, 1, 1), 0);
	start_filter("socket_mode = 0660\n");
	cr_assert_eq(stat(socket_path, &status), 0);
	cr_assert_eq(status.st_mode & 07777, 0660U);
	cr_assert(geteuid() != 0 || status.st_gid == 1);
	cr_assert_eq(stop_filter(), 0);
}

/* Once a process: libmilter forgets what it was told before, and leaks it. */
static void
expect_no_listen(const char *options, const char *want)
{
	char error[FILTER_ERROR_SIZE] = "";
	struct config *config = load_config(options);

	cr_assert_lt(filter_listen(config, error), 0);
	cr_assert(strstr(error, want) != NULL, "%s", error);
	config_free(&config);
}

Test(filter, a_group_that_is_not_there_is_an_error)
{
	expect_no_listen("socket_group = \"no-such-group\"\n", "no such group");
}

Test(filter, a_file_that_is_no_socket_is_left_alone)
{
	struct stat status;

	fclose(fopen(socket_path, "we"));
	expect_no_listen("", "is no socket");
	cr_assert_eq(stat(socket_path, &status), 0);
	cr_assert(S_ISREG(status.st_mode));
}

Test(filter, a_port_that_is_taken_is_an_error)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char error[FILTER_ERROR_SIZE] = "";
	char text[64];
	struct config *config = load_config("");

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(fd, 1), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	snprintf(text, sizeof(text), "inet:%u@127.0.0.1",
	    (unsigned)ntohs(address.sin_port));
	config->socket = text;
	cr_assert_lt(filter_listen(config, error), 0);
	cr_assert(strstr(error, text) != NULL, "%s", error);
	config_free(&config);
	close(fd);
}

/* --- limits on connections --- */

/* Half a packet: its length, and no more. */
static int
open_half(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	cr_assert_geq(fd, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	/* The backlog may be full. */
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		cr_assert_eq(errno, EAGAIN);
		(void)poll(NULL, 0, 1);
	}
	(void)send(fd, "\0\0", 2, MSG_NOSIGNAL);
	return fd;
}

static unsigned
count_entries(const char *what)
{
	char path[64];
	unsigned n = 0;
	DIR *listing;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)filter_pid, what);
	listing = opendir(path);
	cr_assert_not_null(listing);
	while (readdir(listing) != NULL)
		n++;
	closedir(listing);
	return n;
}

static void
expect_answered(void)
{
	struct mta mta;

	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	send_mail(&mta);
	cr_expect_eq(send_rcpt(&mta, "<u@bad.test>"), 'y');
	close_mta(&mta);
}

static void
expect_closed(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char octet;

	cr_assert_eq(poll(&p, 1, 60000), 1);
	cr_expect_leq(read(fd, &octet, 1), 0);
	close(fd);
}

/* A worker waited an hour for the rest of a packet. */
Test(filter, S_02_half_a_packet_holds_no_thread)
{
	enum {
		HALVES = 400
	};
	unsigned threads, descriptors;
	int fds[HALVES];

	packet_ms = 500;
	start_filter("");
	expect_answered();
	threads = count_entries("task");
	descriptors = count_entries("fd");
	for (size_t i = 0; i < HALVES; i++)
		fds[i] = open_half();
	expect_answered();
	for (size_t i = 0; i < HALVES; i++)
		expect_closed(fds[i]);
	/* The last ones are on their way out. */
	while (count_entries("task") > threads + 4 ||
	    count_entries("fd") > descriptors + 4)
		(void)poll(NULL, 0, 1);
	expect_answered();
	cr_expect(log_holds("warning limit msg=\"a connection to the milter "
			    "socket is closed: no whole packet came"));
	cr_assert_eq(stop_filter(), 0);
}

/* Nor does one that comes octet by octet. */
Test(filter, S_02_a_slow_packet_holds_no_thread)
{
	struct pollfd p = {.events = POLLIN};

	packet_ms = 500;
	start_filter("");
	p.fd = open_half();
	/* A packet of 64 KB, of which there is always one more. */
	(void)send(p.fd, "\xff\xffL", 3, MSG_NOSIGNAL);
	while (poll(&p, 1, 20) == 0)
		(void)send(p.fd, "x", 1, MSG_NOSIGNAL);
	expect_closed(p.fd);
	cr_assert_eq(stop_filter(), 0);
}

Test(filter, S_02_connections_are_bounded)
{
	enum {
		MAX = 32,
		HALVES = 200
	};
	unsigned threads, most = 0;
	int fds[HALVES];

	connections_max = MAX;
	packet_ms = 200;
	start_filter("");
	expect_answered();
	threads = count_entries("task");
	for (size_t i = 0; i < HALVES; i++) {
		unsigned now;

		fds[i] = open_half();
		now = count_entries("task");
		most = now > most ? now : most;
	}
	cr_expect_leq(most, threads + MAX);
	expect_answered();
	for (size_t i = 0; i < HALVES; i++)
		expect_closed(fds[i]);
	expect_answered();
	cr_expect(log_holds("warning limit msg=\"32 connections to the milter "
			    "socket: a new one waits"));
	cr_assert_eq(stop_filter(), 0);
}

/* What is idle between commands stays, however long that takes. */
Test(filter, a_connection_may_be_idle_for_longer_than_a_packet_takes)
{
	struct mta mta;

	packet_ms = 500;
	start_filter("");
	open_mta(&mta, ACTIONS_ALL, STEPS_ALL);
	/* Another one is closed for its silence meanwhile. */
	expect_closed(open_half());
	send_mail(&mta);
	expect_closed(open_half());
	cr_expect_eq(send_rcpt(&mta, "<u@bad.test>"), 'y');
	close_mta(&mta);
	cr_assert_eq(stop_filter(), 0);
}
