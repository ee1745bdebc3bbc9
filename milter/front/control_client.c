/* One client of the control socket. */
#include "autoconf.h"

#include "front/control_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "log/log.h"

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
client_done(struct control_client *client)
{
	return client_send(client, json_pack("{s:b}", "done", true));
}

int
client_error(struct control_client *client, const char *fmt, ...)
{
	char text[CONFIG_ERROR_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Of the configuration's errors, file names need not be UTF-8. */
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
