/* The control socket: clients, their threads, and the commands by name. */
#include "autoconf.h"

#include "front/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/thread.h"
#include "config/snapshot.h"
#include "front/control_client.h"
#include "log/log.h"
#include "store/store_json.h"

/* A reload goes down into several libraries. */
#define STACK_SIZE ((size_t)2 << 20)
/* After accept(2) failed, for want of descriptors for example. */
#define PAUSE_MS 1000

struct control {
	struct control_parts parts;
	int listen_fd;
	int stop_fd; /* readable from the stop on */
	pthread_t thread;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t left;
	unsigned n_clients;
};

struct session {
	struct control *control;
	int fd;
};

static const struct {
	const char *name;
	int (*run)(struct control_client *client);
} commands[] = {
    {"status",       control_status},
    {"reload",       control_reload},
    {"cache export", control_export},
    {"cache purge",  control_purge },
    {"cache import", control_import},
    {"cache warm",   control_warm  },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* --- one client --------------------------------------------------------- */

static int
run_command(struct control_client *client, const json_t *request)
{
	const char *name =
	    json_string_value(json_object_get(request, "command"));

	if (name == NULL)
		return client_error(client,
		    "not a request: "
		    "{\"command\":\"status\"} is one");
	client->request = request;
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(client);
	}
	return client_error(client, "command \"%.32s\" is not known", name);
}

static int
serve_request(struct control_client *client)
{
	char *line;
	size_t len;
	int err = line_read(&client->io, &line, &len);
	json_t *request;

	if (err == ERR_SYNTAX)
		return client_error(client, "the line holds a NUL octet");
	if (err == 0 && len > CONTROL_REQUEST_MAX)
		err = ERR_TOOLONG;
	if (err == ERR_TOOLONG)
		(void)client_error(client, "the request is too long");
	if (err != 0)
		return err;
	request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	err = run_command(client, request);
	json_decref(request);
	return err;
}

/* A policy as large as the configuration lets one be fits into a line. */
static size_t
line_max(const struct control_parts *parts)
{
	struct snapshot *snapshot = snapshot_acquire(parts->snapshots);
	size_t body = (size_t)snapshot->config->fetch_max_bytes;

	snapshot_release(&snapshot);
	return STORE_JSON_LINE_MAX(
	    body > CONTROL_REQUEST_MAX ? body : CONTROL_REQUEST_MAX);
}

static void
identify(struct control_client *client, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return;
	client->uid = peer.uid;
	client->pid = peer.pid;
}

static void *
serve_client(void *arg)
{
	struct session *session = arg;
	struct control *control = session->control;
	struct control_client client = {
	    .parts = &control->parts,
	    .uid = (uid_t)-1,
	};

	identify(&client, session->fd);
	line_init(&client.io, session->fd, control->stop_fd,
	    line_max(&control->parts), control->parts.patience_ms);
	while (serve_request(&client) == 0)
		continue;
	line_clear(&client.io);
	close(session->fd);
	free(session);
	(void)pthread_mutex_lock(&control->lock);
	control->n_clients--;
	(void)pthread_cond_signal(&control->left);
	(void)pthread_mutex_unlock(&control->lock);
	return NULL;
}

/* --- threads ------------------------------------------------------------ */

static int
start_thread(pthread_t *thread, bool detached, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err != 0)
		return err;
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (detached)
		(void)pthread_attr_setdetachstate(&attr,
		    PTHREAD_CREATE_DETACHED);
	err = thread_start(thread, &attr, NULL, run, arg);
	(void)pthread_attr_destroy(&attr);
	return err;
}

/* False: there are too many. */
static bool
enter(struct control *control)
{
	bool room;

	(void)pthread_mutex_lock(&control->lock);
	room = control->n_clients < CONTROL_CLIENTS_MAX;
	control->n_clients += room;
	(void)pthread_mutex_unlock(&control->lock);
	return room;
}

static void
leave(struct control *control)
{
	(void)pthread_mutex_lock(&control->lock);
	control->n_clients--;
	(void)pthread_mutex_unlock(&control->lock);
}

static void
turn_away(int fd)
{
	static const char text[] = "{\"error\":\"too many clients\"}\n";

	(void)send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void
welcome(struct control *control, int fd)
{
	struct session *session = NULL;
	pthread_t thread;

	if (!enter(control)) {
		turn_away(fd);
		return;
	}
	session = malloc(sizeof(*session));
	if (session != NULL)
		*session = (struct session){control, fd};
	if (session != NULL &&
	    start_thread(&thread, true, serve_client, session) == 0)
		return;
	free(session);
	leave(control);
	turn_away(fd);
}

static void *
accept_clients(void *arg)
{
	struct control *control = arg;
	struct pollfd fds[2] = {
	    {.fd = control->stop_fd,   .events = POLLIN},
	    {.fd = control->listen_fd, .events = POLLIN},
	};

	for (;;) {
		int fd;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents != 0)
			return NULL;
		fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			welcome(control, fd);
		else if (errno != EINTR && errno != EAGAIN &&
		    errno != ECONNABORTED)
			(void)poll(fds, 1, PAUSE_MS);
	}
}

/* --- life --------------------------------------------------------------- */

static void
destroy(struct control *control)
{
	close(control->listen_fd);
	if (control->stop_fd >= 0)
		close(control->stop_fd);
	(void)pthread_cond_destroy(&control->left);
	(void)pthread_mutex_destroy(&control->lock);
	free(control);
}

struct control *
control_new(int fd, const struct control_parts *parts)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL) {
		close(fd);
		return NULL;
	}
	control->parts = *parts;
	if (control->parts.patience_ms == 0)
		control->parts.patience_ms = CONTROL_PATIENCE_MS;
	control->listen_fd = fd;
	(void)pthread_mutex_init(&control->lock, NULL);
	(void)pthread_cond_init(&control->left, NULL);
	control->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (control->stop_fd >= 0 &&
	    start_thread(&control->thread, false, accept_clients, control) == 0)
		return control;
	destroy(control);
	return NULL;
}

void
control_free(struct control **controlp)
{
	struct control *control = *controlp;

	*controlp = NULL;
	if (control == NULL)
		return;
	(void)eventfd_write(control->stop_fd, 1);
	(void)pthread_join(control->thread, NULL);
	(void)pthread_mutex_lock(&control->lock);
	while (control->n_clients > 0)
		(void)pthread_cond_wait(&control->left, &control->lock);
	(void)pthread_mutex_unlock(&control->lock);
	destroy(control);
}
