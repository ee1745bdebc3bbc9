/* Errors of an LMDB store, in our words. */
#include "autoconf.h"

#include "store/store_report.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include <lmdb.h>

#include "base/err.h"
#include "base/text.h"
#include "store/store_backup.h"

static const struct {
	int rc;
	int err;
	const char *advice;
} errors[] = {
    {ENOSPC,	       ERR_FULL,     "make space"				     },
    {EDQUOT,	       ERR_FULL,     "raise the quota"                                },
    {EFBIG,		ERR_FULL,     "raise the limit on file sizes"                  },
    {ENOMEM,	       ERR_NOMEM,    "there is no memory, or no address space, for it"},
    {EMFILE,	       ERR_IO,       "raise the limit on open files"                  },
    {EROFS,		ERR_READONLY,
     "the file system is read-only: remount it, or set \"store\" to "
	"another directory"							       },
    {EACCES,	       ERR_READONLY, "give the directory and its files to this user"  },
    {EPERM,		ERR_READONLY, "give the directory and its files to this user"  },
    {ENOTDIR,	      ERR_CONFIG,   "set \"store\" to a directory"                   },
    {ENOENT,	       ERR_CONFIG,   "make the directory above it"                    },
    {ENAMETOOLONG,         ERR_CONFIG,   "set \"store\" to a shorter path"                },
    {MDB_NOTFOUND,         ERR_NOTFOUND, ""					       },
    {MDB_INVALID,          ERR_CORRUPT,  ""					       },
    {MDB_CORRUPTED,        ERR_CORRUPT,  ""					       },
    {MDB_PAGE_NOTFOUND,    ERR_CORRUPT,  ""					       },
    {MDB_VERSION_MISMATCH, ERR_VERSION,
     "it was written by another version of LMDB"                                          },
    {MDB_MAP_FULL,         ERR_FULL,     "the store has reached its largest size"         },
    {MDB_READERS_FULL,     ERR_BUSY,     "too many programs read it"                      },
};

int
report_code(int rc)
{
	if (rc == 0)
		return 0;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].rc == rc)
			return errors[i].err;
	}
	return ERR_IO;
}

static const char *
advice_on(int rc)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].rc == rc)
			return errors[i].advice;
	}
	return "look at the disk and the system's log";
}

/* Who this process is, for messages: "user dane-sts". */
static void
who(char *out, size_t size)
{
	char buffer[1024];
	struct passwd pw;
	struct passwd *found = NULL;

	if (getpwuid_r(geteuid(), &pw, buffer, sizeof(buffer), &found) == 0 &&
	    found != NULL)
		snprintf(out, size, "user %s", pw.pw_name);
	else
		snprintf(out, size, "uid %ld", (long)geteuid());
}

int
report_failure(const char *dir, const char *what, int rc,
    char error[STORE_ERROR_SIZE])
{
	char user[128];

	if (report_code(rc) == ERR_CORRUPT)
		return report_damage(dir, mdb_strerror(rc), error);
	who(user, sizeof(user));
	snprintf(error, STORE_ERROR_SIZE, "store: %s %.200s as %s: %s; %s",
	    what, dir, user, mdb_strerror(rc), advice_on(rc));
	return report_code(rc);
}

/* Never to begin with an empty store: that would discard the protection of all
 * domains in it. */
int
report_damage(const char *dir, const char *why, char error[STORE_ERROR_SIZE])
{
	char written[DURATION_SIZE];
	int64_t written_s;

	if (!backup_find(dir, &written_s)) {
		snprintf(error, STORE_ERROR_SIZE,
		    "store: %.200s/data.mdb: %s: restore it, or " BACKUP_NAME
		    " beside it, from a backup",
		    dir, why);
		return ERR_CORRUPT;
	}
	moment_text(written_s, written);
	snprintf(error, STORE_ERROR_SIZE,
	    "store: %.200s/data.mdb: %s: restore it from a backup; or move it "
	    "away, and the next start reads the policies back from " BACKUP_NAME
	    " beside it, as they were at %s",
	    dir, why, written);
	return ERR_CORRUPT;
}

int
report_format(const char *dir, char error[STORE_ERROR_SIZE])
{
	snprintf(error, STORE_ERROR_SIZE,
	    "store: %.200s/data.mdb is in a format that this version of LMDB "
	    "(%s) cannot read, and " BACKUP_NAME " beside it, from which the "
	    "policies would be read back, is missing: restore it from a "
	    "backup, or make it with `dane-sts cache export` and the version "
	    "of LMDB that wrote the store",
	    dir, mdb_version(NULL, NULL, NULL));
	return ERR_VERSION;
}

int
report_refusal(const char *dir, int err, const char *why,
    char error[STORE_ERROR_SIZE])
{
	snprintf(error, STORE_ERROR_SIZE, "store: %.200s/data.mdb %s", dir,
	    why);
	return err;
}
