/* The load generators' connections, clock and figures. */
#include "autoconf.h"

#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "dial.h"
#include "times.h"

#define CONNECTIONS_MAX 4000
#define SECONDS_MAX     600
#define WORDS_MAX       64
/* Before anything is counted. */
#define WARM_UP_NS 300000000
/* An answer that takes longer than this ends the run. */
#define PATIENCE_MS 30000

struct load {
	const struct load_protocol *protocol;
	const char *socket;
	unsigned n_connections;
	double seconds;
	unsigned pipelined;
	bool bursts;
	long pid;
	char **words;
	unsigned n_words;

	struct load_connection *connections;
	int epoll;
	unsigned under_way;
	uint64_t serial; /* for "#" */

	bool counting;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t odd;
	struct times times[WORDS_MAX];
};

static _Noreturn void
die(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec ts = {0, 0};

	if (clock_gettime(clock, &ts) != 0)
		die("clock");
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t
now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* Of another process, all its threads. */
static uint64_t
cpu_ns(long pid)
{
	clockid_t clock;

	if (pid == 0)
		return 0;
	errno = clock_getcpuclockid((pid_t)pid, &clock);
	if (errno != 0)
		die("clock of the process");
	return clock_ns(clock);
}

void
load_send(struct load_connection *c, const void *octets, size_t len)
{
	const uint8_t *left = octets;

	while (len > 0) {
		ssize_t n = write(c->fd, left, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("write");
		left += n;
		len -= (size_t)n;
	}
}

/* --- asking --- */

static const char *
key_of(struct load *load, unsigned word, char key[LOAD_KEY_MAX])
{
	const char *from = load->words[word];
	size_t len = 0;

	for (; *from != '\0' && len < LOAD_KEY_MAX - 24; from++) {
		if (*from == '#')
			len += (size_t)snprintf(key + len, 24, "%" PRIu64,
			    load->serial++);
		else
			key[len++] = *from;
	}
	key[len] = '\0';
	return key;
}

static void
ask(struct load *load, struct load_connection *c)
{
	char key[LOAD_KEY_MAX];
	unsigned place = (c->oldest + c->under_way) % LOAD_PIPELINED_MAX;

	(void)key_of(load, c->word, key);
	c->under_way++;
	load->under_way++;
	c->sent_ns[place] = now_ns();
	load->protocol->ask(c, key);
	c->asked++;
}

static void
fill(struct load *load, struct load_connection *c)
{
	while (c->agreed && c->under_way < load->pipelined &&
	    now_ns() < load->end_ns)
		ask(load, c);
}

static bool
all_agreed(const struct load *load)
{
	for (unsigned i = 0; i < load->n_connections; i++)
		if (!load->connections[i].agreed)
			return false;
	return true;
}

static void
burst(struct load *load)
{
	for (unsigned i = 0; i < load->n_connections; i++) {
		if (load->connections[i].agreed)
			fill(load, &load->connections[i]);
	}
}

/* --- being answered --- */

static void
answered(struct load *load, struct load_connection *c, bool odd)
{
	uint64_t sent_ns = c->sent_ns[c->oldest];

	if (c->under_way == 0) {
		errno = EPROTO;
		die("an answer to no question");
	}
	c->oldest = (c->oldest + 1) % LOAD_PIPELINED_MAX;
	c->under_way--;
	load->under_way--;
	if (load->counting && sent_ns >= load->start_ns) {
		times_add(&load->times[c->word], now_ns() - sent_ns);
		load->odd += odd;
	}
	if (load->protocol->answered != NULL)
		load->protocol->answered(c);
}

static size_t
take(struct load *load, struct load_connection *c)
{
	size_t whole = 0;

	switch (load->protocol->take(c, &whole)) {
	case LOAD_PART:
		return 0;
	case LOAD_OTHER:
		c->agreed = true;
		break;
	case LOAD_ANSWER:
		answered(load, c, false);
		break;
	case LOAD_ODD:
		answered(load, c, true);
		break;
	}
	return whole;
}

static void
receive(struct load *load, struct load_connection *c)
{
	ssize_t n = read(c->fd, c->input + c->len, LOAD_INPUT_MAX - c->len);
	size_t whole;

	if (n == 0)
		errno = ECONNRESET;
	if (n <= 0)
		die("read");
	c->len += (size_t)n;
	while (c->len > 0 && (whole = take(load, c)) > 0) {
		c->len -= whole;
		memmove(c->input, c->input + whole, c->len);
	}
	if (!load->bursts)
		fill(load, c);
}

/* --- the run --- */

static void
open_connections(struct load *load)
{
	for (unsigned i = 0; i < load->n_connections; i++) {
		struct load_connection *c = &load->connections[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

		c->word = i % load->n_words;
		c->fd = dial(load->socket);
		if (c->fd < 0)
			die(load->socket);
		if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
			die("epoll");
		if (load->protocol->greet != NULL)
			load->protocol->greet(c);
		else
			c->agreed = true;
		/* An accept queue is short: one after the other. */
		if (load->protocol->greet != NULL)
			receive(load, c);
		else if (!load->bursts)
			fill(load, c);
	}
}

/* Until the time is over and all is answered. */
static uint64_t
serve(struct load *load)
{
	struct epoll_event events[256];
	uint64_t cpu = 0;

	while (load->under_way > 0 || now_ns() < load->end_ns) {
		int n;

		if (!load->counting && now_ns() >= load->start_ns) {
			load->counting = true;
			load->start_ns = now_ns();
			cpu = cpu_ns(load->pid);
		}
		if (load->bursts && load->under_way == 0 && all_agreed(load))
			burst(load);
		if (load->under_way == 0 && now_ns() >= load->end_ns)
			break;
		n = epoll_wait(load->epoll, events, 256, PATIENCE_MS);
		if (n == 0)
			errno = ETIMEDOUT;
		if (n == 0 || (n < 0 && errno != EINTR))
			die("no answer");
		for (int i = 0; i < n; i++)
			receive(load, events[i].data.ptr);
	}
	load->end_ns = now_ns();
	return cpu_ns(load->pid) - cpu;
}

static void
print_times(const struct times *times)
{
	printf("p50_us=%.1f p99_us=%.1f max_us=%.1f",
	    (double)times_quantile(times, 0.50) / 1000,
	    (double)times_quantile(times, 0.99) / 1000,
	    (double)times->max_ns / 1000);
}

static void
report(const struct load *load, uint64_t cpu)
{
	double seconds = (double)(load->end_ns - load->start_ns) / 1e9;
	struct times *all = calloc(1, sizeof(*all));

	if (all == NULL)
		die("memory");
	for (unsigned i = 0; i < load->n_words; i++)
		times_merge(all, &load->times[i]);
	printf("answers=%" PRIu64 " seconds=%.3f rate=%.1f cpu_us=%.3f ",
	    all->n, seconds, (double)all->n / seconds,
	    all->n > 0 ? (double)cpu / 1000 / (double)all->n : 0.0);
	print_times(all);
	printf(" odd=%" PRIu64 "\n", load->odd);
	for (unsigned i = 0; load->n_words > 1 && i < load->n_words; i++) {
		printf("key=%s answers=%" PRIu64 " ", load->words[i],
		    load->times[i].n);
		print_times(&load->times[i]);
		printf("\n");
	}
	free(all);
}

/* --- the command line --- */

static bool
number(const char *text, double low, double high, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	return errno == 0 && end != text && *end == '\0' && *out >= low &&
	    *out <= high;
}

static bool
parse_option(struct load *load, int option)
{
	double value = 0;

	switch (option) {
	case 'b':
		load->bursts = true;
		return true;
	case 'p':
		if (!number(optarg, 1, 1 << 30, &value))
			return false;
		load->pid = (long)value;
		return true;
	case 'w':
		if (!number(optarg, 1, LOAD_PIPELINED_MAX, &value))
			return false;
		load->pipelined = (unsigned)value;
		return true;
	}
	return false;
}

static bool
parse(struct load *load, int argc, char **argv)
{
	double n = 0;
	int option;

	/* "+": the same with every libc, options come first. */
	while ((option = getopt(argc, argv, "+bp:w:")) != -1)
		if (!parse_option(load, option))
			return false;
	if (argc - optind < 4 || argc - optind > 3 + WORDS_MAX)
		return false;
	load->socket = argv[optind];
	if (!number(argv[optind + 1], 1, CONNECTIONS_MAX, &n) ||
	    !number(argv[optind + 2], 0.1, SECONDS_MAX, &load->seconds))
		return false;
	load->n_connections = (unsigned)n;
	load->words = &argv[optind + 3];
	load->n_words = (unsigned)(argc - optind - 3);
	return true;
}

static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int
load_run(int argc, char **argv, const struct load_protocol *protocol)
{
	struct load *load = calloc(1, sizeof(*load));
	uint64_t cpu;

	if (load == NULL)
		die("memory");
	load->protocol = protocol;
	load->pipelined = 1;
	if (!parse(load, argc, argv)) {
		(void)fprintf(stderr,
		    "usage: %s [-b] [-p PID] [-w PIPELINED] SOCKET "
		    "CONNECTIONS SECONDS KEY...\n",
		    argv[0]);
		free(load);
		return 64;
	}
	raise_limit();
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->connections =
	    calloc(load->n_connections, sizeof(*load->connections));
	if (load->epoll < 0 || load->connections == NULL)
		die("memory");
	load->end_ns = UINT64_MAX;
	load->start_ns = UINT64_MAX;
	open_connections(load);
	load->start_ns = now_ns() + WARM_UP_NS;
	load->end_ns = load->start_ns + (uint64_t)(load->seconds * 1e9);
	cpu = serve(load);
	report(load, cpu);
	free(load->connections);
	free(load);
	return 0;
}
