/*
 * A configuration file, and behind the first NUL octet an exemption file. What
 * is taken can be dumped, and the dump says the same.
 */
#include "autoconf.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/name.h"
#include "config/config.h"
#include "config/config_internal.h"
#include "fuzz.h"

#define PATH_SIZE 64

/* A file in memory. */
struct file {
	int fd;
	char path[PATH_SIZE];
};

static void
file_write(struct file *file, const void *octets, size_t len)
{
	if (file->path[0] == '\0') {
		file->fd = memfd_create("config", MFD_CLOEXEC);
		MUST(file->fd >= 0);
		(void)snprintf(file->path, sizeof(file->path),
		    "/proc/self/fd/%d", file->fd);
	}
	MUST(ftruncate(file->fd, 0) == 0);
	MUST(pwrite(file->fd, octets, len, 0) == (ssize_t)len);
}

/* Errors are lines of printable text. */
static void
check_error(const char error[CONFIG_ERROR_SIZE], bool expected)
{
	size_t len = strnlen(error, CONFIG_ERROR_SIZE);

	MUST(len < CONFIG_ERROR_SIZE);
	MUST((len > 0) == expected);
	for (size_t i = 0; i < len; i++) {
		uint8_t octet = (uint8_t)error[i];

		MUST(octet == '\n' || (octet >= ' ' && octet != 0x7f));
	}
}

static struct config *
load(struct file *file)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct config *config = config_load(file->path, error);

	check_error(error, config == NULL);
	return config;
}

static char *
dump(const struct config *config, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	MUST(out != NULL);
	config_dump(config, out);
	MUST(fclose(out) == 0);
	return text;
}

static void
check_domain(const char *domain)
{
	char canon[NAME_SIZE];

	domain += domain[0] == '.';
	MUST(name_canon((const uint8_t *)domain, strlen(domain), canon) == 0);
	MUST(strcmp(domain, canon) == 0);
}

static void
check_config(struct file *file, const struct config *config)
{
	size_t len;
	size_t len_again;
	char *text = dump(config, &len);
	struct config *again;
	char *text_again;

	for (size_t i = 0; i < config->scope.exemptions.n; i++)
		check_domain(config->scope.exemptions.item[i].domain);
	MUST(config->verdict_ttl_min_ms <= config->verdict_ttl_max_ms);
	file_write(file, text, len);
	again = load(file);
	MUST(again != NULL);
	text_again = dump(again, &len_again);
	MUST(len == len_again && memcmp(text, text_again, len) == 0);
	config_free(&again);
	free(text);
	free(text_again);
}

static void
check_exemptions(const struct file *file)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct config_errors errors = {.text = error};
	struct arena_block *arena = NULL;
	struct config_domains list = {.arena = &arena};
	int err;

	err = config_domains_read(&list, file->path, &errors);
	check_error(error, err != 0);
	for (size_t i = 0; i < list.n; i++) {
		check_domain(list.item[i].domain);
		MUST(list.item[i].until_s >= 0);
	}
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct file conf;
	static struct file exempt;
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	size_t len = nul != NULL ? (size_t)(nul - data) : size;
	struct config *config;

	file_write(&conf, data, len);
	config = load(&conf);
	if (config != NULL)
		check_config(&conf, config);
	config_free(&config);
	if (nul != NULL) {
		file_write(&exempt, nul + 1, size - len - 1);
		check_exemptions(&exempt);
	}
	return 0;
}
