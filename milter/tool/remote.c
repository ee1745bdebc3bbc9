/* The daemon at the other end of its control socket. */
#include "autoconf.h"

#include "tool/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/line.h"
#include "config/config.h"
#include "tool/tool.h"

/* Octets that may have come while a request is still being sent. */
#define BACKLOG_MAX ((size_t)64 << 20)
/* A domain that is warmed may take a minute and a half, a reload a while. */
#define PATIENCE_MS 300000

struct remote {
	struct line_io io;
	remote_object_fn *fn;
	void *arg;
	json_t *end; /* the object at the answer's end */
	bool stopped;
};

/* --- connecting ---------------------------------------------------------- */

static int
connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd, saved;

	errno = ENAMETOOLONG;
	if (len >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
	    0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* errno: why the socket cannot be connected to. */
static void
say_why(const char *path)
{
	if (errno == ENOENT || errno == ECONNREFUSED)
		tool_warn(
		    "no daemon answers at %s: start it (systemctl start "
		    "dane-sts-milter, or dane-sts-milter -d), or name its "
		    "configuration with -c",
		    path);
	else if (errno == EACCES || errno == EPERM)
		tool_warn("%s: permission denied: be root, or in the group "
			  "that the socket has",
		    path);
	else
		tool_warn("%s: %s", path, strerror(errno));
}

struct remote *
remote_open(const struct config *config, bool *absent)
{
	const char *path = config->control_socket;
	struct remote *remote;
	int fd;

	if (absent != NULL)
		*absent = false;
	if (path[0] == '\0') {
		tool_warn("control_socket is \"\" in the configuration: the "
			  "daemon cannot be asked");
		return NULL;
	}
	fd = connect_to(path);
	if (fd < 0 && absent != NULL &&
	    (errno == ENOENT || errno == ECONNREFUSED))
		*absent = true;
	else if (fd < 0)
		say_why(path);
	if (fd < 0)
		return NULL;
	remote = calloc(1, sizeof(*remote));
	if (remote == NULL) {
		tool_warn("%s", err_text(ERR_NOMEM));
		close(fd);
		return NULL;
	}
	line_init(&remote->io, fd, -1, BACKLOG_MAX, PATIENCE_MS);
	remote->io.duplex = true;
	return remote;
}

void
remote_close(struct remote **remotep)
{
	struct remote *remote = *remotep;

	*remotep = NULL;
	if (remote == NULL)
		return;
	json_decref(remote->end);
	close(remote->io.fd);
	line_clear(&remote->io);
	free(remote);
}

/* --- talking ------------------------------------------------------------- */

static int
lost(int err)
{
	tool_warn("the connection to the daemon is lost: %s",
	    err == ERR_BUSY           ? "it does not answer"
		: err == ERR_NOTFOUND ? "it was closed"
				      : err_text(err));
	return TOOL_UNAVAILABLE;
}

static int
take_line(struct remote *remote, const char *line, size_t len)
{
	json_t *object = json_loadb(line, len, 0, NULL);

	if (!json_is_object(object)) {
		json_decref(object);
		tool_warn("the daemon does not speak our protocol");
		return TOOL_UNAVAILABLE;
	}
	if (json_is_true(json_object_get(object, "done")) ||
	    (json_object_get(object, "error") != NULL &&
		json_object_size(object) == 1)) {
		json_decref(remote->end);
		remote->end = object;
		return TOOL_OK;
	}
	if (remote->fn != NULL && !remote->fn(remote->arg, object, line))
		remote->stopped = true;
	json_decref(object);
	return TOOL_OK;
}

/* The lines that have already arrived. */
static int
take_lines(struct remote *remote)
{
	char *line;
	size_t len;
	int status = TOOL_OK;

	while (status == TOOL_OK && remote->end == NULL &&
	    line_next(&remote->io, &line, &len) == 0)
		status = take_line(remote, line, len);
	return status;
}

void
remote_on_object(struct remote *remote, remote_object_fn *fn, void *arg)
{
	remote->fn = fn;
	remote->arg = arg;
}

int
remote_send_line(struct remote *remote, const char *line, size_t len)
{
	int status = take_lines(remote);
	int err;

	/* The daemon has ended its answer early. */
	if (status != TOOL_OK || remote->end != NULL)
		return status;
	err = line_write(&remote->io, line, len);
	if (err == 0)
		return TOOL_OK;
	/* Its last lines may tell why. */
	status = take_lines(remote);
	return remote->end != NULL ? status : lost(err);
}

int
remote_send(struct remote *remote, json_t *object)
{
	char *line = NULL;
	int status;

	if (object != NULL)
		line = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(object);
	if (line == NULL)
		return tool_no_memory();
	status = remote_send_line(remote, line, strlen(line));
	free(line);
	return status;
}

static int
judge_end(struct remote *remote, json_t **done)
{
	const json_t *error = json_object_get(remote->end, "error");

	if (error != NULL) {
		tool_warn_lines(json_is_string(error) ? json_string_value(error)
						      : "the daemon refused");
		return TOOL_NO;
	}
	if (done != NULL)
		*done = json_incref(remote->end);
	return TOOL_OK;
}

int
remote_finish(struct remote *remote, json_t **done)
{
	int status = TOOL_OK;

	if (done != NULL)
		*done = NULL;
	while (status == TOOL_OK && remote->end == NULL && !remote->stopped) {
		char *line;
		size_t len;
		int err = line_read(&remote->io, &line, &len);

		status = err == 0 ? take_line(remote, line, len) : lost(err);
	}
	if (status == TOOL_OK && remote->end != NULL)
		status = judge_end(remote, done);
	json_decref(remote->end);
	remote->end = NULL;
	return status;
}

int
remote_ask(struct remote *remote, json_t *request, remote_object_fn *fn,
    void *arg)
{
	int status;

	remote_on_object(remote, fn, arg);
	status = remote_send(remote, request);
	return status == TOOL_OK ? remote_finish(remote, NULL) : status;
}
