/* The control socket: its clients and their threads, and the table of commands.
 */
#include "autoconf.h"

#include "front/control.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/thread.h"
#include "config/snapshot.h"
#include "front/listen.h"
#include "log/log.h"
#include "store/store_json.h"

/* A reload calls deep into several libraries. */
#define STACK_SIZE ((size_t)2 << 20)
/* Between two calls of accept(2) when it fails, for want of descriptors for
 * example. */
#define PAUSE_MS 1000

#define SOCKET_MODE    0660
#define DIRECTORY_MODE 0755

struct control {
	struct control_parts parts;
	int listen_fd;
	int stop_fd; /* becomes readable when the control stops */
	pthread_t thread;

	pthread_mutex_t lock; /* guards the members below */
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

/* --- functions for commands --- */

int
client_send(struct control_client *client, json_t *object)
{
	char *text = NULL;
	int err = ERR_NOMEM;

	if (object != NULL)
		text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (text != NULL)
		err = line_write(&client->io, text, strlen(text));
	free(text);
	json_decref(object);
	return err;
}

int
client_done(struct control_client *client, int err)
{
	return err != 0 ? err
			: client_send(client, json_pack("{s:b}", "done", true));
}

int
client_error(struct control_client *client, const char *fmt, ...)
{
	char text[CONFIG_ERROR_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Errors of the configuration hold file names, which may not be UTF-8.
	 */
	for (char *at = text; *at != '\0'; at++) {
		if ((unsigned char)*at > 0x7f)
			*at = '?';
	}
	return client_send(client, json_pack("{s:s}", "error", text));
}

bool
client_domain(const json_t *object, char domain[NAME_SIZE])
{
	const json_t *value = json_object_get(object, "domain");

	return json_is_string(value) &&
	    name_canon((const uint8_t *)json_string_value(value),
		json_string_length(value), domain) == 0;
}

int
client_next(struct control_client *client, json_t **object)
{
	char *line;
	size_t len;
	int err = line_read(&client->io, &line, &len);

	*object = NULL;
	if (err == ERR_SYNTAX)
		return 0;
	if (err != 0)
		return err == ERR_NOTFOUND ? ERR_IO : err;
	*object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(*object)) {
		json_decref(*object);
		*object = NULL;
	} else if (json_is_true(json_object_get(*object, "end"))) {
		json_decref(*object);
		*object = NULL;
		return ERR_NOTFOUND;
	}
	return 0;
}

void
client_log(const struct control_client *client, const char *command,
    const char *domain, int64_t count)
{
	struct log_event e;

	log_begin(&e, client->parts->log, LOG_LEVEL_INFO, "control");
	log_str(&e, "command", command);
	if (domain != NULL)
		log_str(&e, "domain", domain);
	if (count >= 0)
		log_int(&e, "count", count);
	log_int(&e, "uid", (int64_t)client->uid);
	log_int(&e, "pid", (int64_t)client->pid);
	log_end(&e);
}

/* --- one client --- */

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

static void *
serve_client(void *arg)
{
	struct session *session = arg;
	struct control *control = session->control;
	struct snapshot *snapshot = snapshot_acquire(control->parts.snapshots);
	struct control_client client = {
	    .parts = &control->parts,
	    .uid = (uid_t)-1,
	};
	size_t body = (size_t)snapshot->config->fetch_max_bytes;
	struct ucred peer;
	socklen_t len = sizeof(peer);

	snapshot_release(&snapshot);
	if (getsockopt(session->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ==
	    0) {
		client.uid = peer.uid;
		client.pid = peer.pid;
	}
	/* The largest policy that the configuration allows fits into a line. */
	line_init(&client.io, session->fd, control->stop_fd,
	    STORE_JSON_LINE_MAX(
		body > CONTROL_REQUEST_MAX ? body : CONTROL_REQUEST_MAX),
	    control->parts.patience_ms);
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

/* --- threads --- */

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

/* Starts a thread for a client, or turns it away. */
static void
welcome(struct control *control, int fd)
{
	static const char full[] = "{\"error\":\"too many clients\"}\n";
	struct session *session = NULL;
	pthread_t thread;
	bool room;

	(void)pthread_mutex_lock(&control->lock);
	room = control->n_clients < CONTROL_CLIENTS_MAX;
	control->n_clients += room;
	(void)pthread_mutex_unlock(&control->lock);
	if (room) {
		session = malloc(sizeof(*session));
		if (session != NULL)
			*session = (struct session){control, fd};
		if (session != NULL &&
		    start_thread(&thread, true, serve_client, session) == 0)
			return;
		free(session);
		(void)pthread_mutex_lock(&control->lock);
		control->n_clients--;
		(void)pthread_mutex_unlock(&control->lock);
	}
	(void)send(fd, full, strlen(full), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
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

/* --- the socket --- */

static int
fail(char error[CONTROL_ERROR_SIZE], const struct config *config,
    const char *what)
{
	(void)snprintf(error, CONTROL_ERROR_SIZE,
	    "control_socket %s: %s; choose another path, or \"\" to go without "
	    "dane-sts status and cache",
	    config->control_socket, what);
	return ERR_IO;
}

/* Makes only the last directory of the path: /run exists. */
static int
make_directory(const struct config *config, char error[CONTROL_ERROR_SIZE])
{
	const char *slash = strrchr(config->control_socket, '/');
	const struct passwd *user;
	char path[PATH_MAX];
	struct stat status;

	if (slash == NULL || slash == config->control_socket)
		return 0;
	(void)snprintf(path, sizeof(path), "%.*s",
	    (int)(slash - config->control_socket), config->control_socket);
	if (geteuid() != 0 || stat(path, &status) == 0)
		return 0;
	if (mkdir(path, DIRECTORY_MODE) < 0)
		return fail(error, config, strerror(errno));
	user = config->user[0] != '\0' ? getpwnam(config->user) : NULL;
	if (user != NULL && lchown(path, user->pw_uid, user->pw_gid) < 0)
		return fail(error, config, strerror(errno));
	return 0;
}

int
control_listen(const struct config *config, int *fd,
    char error[CONTROL_ERROR_SIZE])
{
	char why[LISTEN_ERROR_SIZE];

	*fd = -1;
	if (make_directory(config, error) < 0)
		return ERR_IO;
	*fd = listen_unix_open(config->control_socket, config->user, "",
	    SOCKET_MODE, why);
	if (*fd >= 0)
		return 0;
	*fd = -1;
	return fail(error, config, why);
}

void
control_remove(const struct config *config)
{
	char spec[PATH_MAX];

	(void)snprintf(spec, sizeof(spec), "unix:%s", config->control_socket);
	listen_remove(spec);
}

/* --- life --- */

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
