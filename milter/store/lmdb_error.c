/* Errors of an LMDB store, in our words. */
#include "autoconf.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "base/err.h"
#include "store/store_lmdb.h"

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

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static size_t
find(int rc)
{
	size_t i = 0;

	while (i < ERRORS && errors[i].rc != rc)
		i++;
	return i;
}

int
lmdb_code(int rc)
{
	size_t i = find(rc);

	if (rc == 0)
		return 0;
	return i < ERRORS ? errors[i].err : ERR_IO;
}

int
lmdb_failure(const char *dir, const char *what, int rc,
    char error[STORE_ERROR_SIZE])
{
	char buffer[1024];
	char user[128];
	struct passwd pw;
	struct passwd *found = NULL;
	size_t i = find(rc);

	if (lmdb_code(rc) == ERR_CORRUPT)
		return lmdb_damage(dir, mdb_strerror(rc), error);
	if (getpwuid_r(geteuid(), &pw, buffer, sizeof(buffer), &found) == 0 &&
	    found != NULL)
		snprintf(user, sizeof(user), "user %s", pw.pw_name);
	else
		snprintf(user, sizeof(user), "uid %ld", (long)geteuid());
	snprintf(error, STORE_ERROR_SIZE, "store: %s %.200s as %s: %s; %s",
	    what, dir, user, mdb_strerror(rc),
	    i < ERRORS ? errors[i].advice
		       : "look at the disk and the system's log");
	return lmdb_code(rc);
}

/* Never to begin with an empty store: that would discard the protection of all
 * domains in it. */
int
lmdb_damage(const char *dir, const char *why, char error[STORE_ERROR_SIZE])
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
