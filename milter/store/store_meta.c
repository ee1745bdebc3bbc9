/* The meta record of an LMDB store. */
#include "autoconf.h"

#include "store/store_meta.h"

#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "store/store_report.h"

/*
 * What the meta record holds: this text, its NUL included, then the version of
 * the store's layout as one octet. A record has a version of its own.
 */
static const char meta_name[] = "dane-sts-milter";
#define LAYOUT_VERSION 1
#define META_SIZE      (sizeof(meta_name) + 1)

bool
meta_is_key(const MDB_val *key)
{
	return key->mv_size > 0 && *(const char *)key->mv_data == META_KEY[0];
}

static int
check_octets(const MDB_val *meta, const char *dir, char error[STORE_ERROR_SIZE])
{
	const uint8_t *octets = meta->mv_data;

	if (meta->mv_size < META_SIZE ||
	    memcmp(octets, meta_name, sizeof(meta_name)) != 0)
		return report_refusal(dir, ERR_CORRUPT,
		    "belongs to another program: set \"store\" to a "
		    "directory of its own",
		    error);
	if (octets[sizeof(meta_name)] > LAYOUT_VERSION)
		return report_refusal(dir, ERR_VERSION,
		    "was written by a newer version of this program: "
		    "update this one",
		    error);
	return 0;
}

/* Only a file that never saw a commit may be made ours. */
static bool
is_new(MDB_env *mdb)
{
	MDB_envinfo info;

	return mdb_env_info(mdb, &info) == 0 && info.me_last_txnid == 0;
}

/* MDB_NOTFOUND also when the file is of a kind that cannot hold the record. */
static int
find_meta(MDB_txn *txn, MDB_dbi dbi, MDB_val *meta)
{
	char name[] = META_KEY;
	MDB_val key = {sizeof(name) - 1, name};
	unsigned flags;
	int rc = mdb_dbi_flags(txn, dbi, &flags);

	if (rc == 0 && flags != 0)
		return MDB_NOTFOUND;
	return rc != 0 ? rc : mdb_get(txn, dbi, &key, meta);
}

int
meta_check(MDB_env *mdb, MDB_dbi dbi, const char *dir, bool *missing,
    char error[STORE_ERROR_SIZE])
{
	MDB_val meta = {0, NULL};
	MDB_txn *txn;
	int err = 0;
	int rc = mdb_txn_begin(mdb, NULL, MDB_RDONLY, &txn);

	*missing = false;
	if (rc != 0)
		return report_failure(dir, "cannot read", rc, error);
	rc = find_meta(txn, dbi, &meta);
	if (rc == MDB_NOTFOUND && is_new(mdb))
		*missing = true;
	else if (rc == 0 || rc == MDB_NOTFOUND)
		err = check_octets(&meta, dir, error);
	else
		err = report_failure(dir, "cannot read", rc, error);
	mdb_txn_abort(txn);
	return err;
}

int
meta_touch(MDB_txn *txn, MDB_dbi dbi)
{
	char name[] = META_KEY;
	uint8_t octets[META_SIZE];
	MDB_val key = {sizeof(name) - 1, name};
	MDB_val meta;
	int rc = mdb_get(txn, dbi, &key, &meta);

	if (rc != 0 || meta.mv_size != sizeof(octets))
		return rc;
	memcpy(octets, meta.mv_data, sizeof(octets));
	meta.mv_data = octets;
	return mdb_put(txn, dbi, &key, &meta, 0);
}

int
meta_write(MDB_env *mdb, MDB_dbi dbi, const char *dir,
    char error[STORE_ERROR_SIZE])
{
	char name[] = META_KEY;
	uint8_t octets[META_SIZE];
	MDB_val key = {sizeof(name) - 1, name};
	MDB_val meta = {sizeof(octets), octets};
	MDB_txn *txn;
	int rc = mdb_txn_begin(mdb, NULL, 0, &txn);

	memcpy(octets, meta_name, sizeof(meta_name));
	octets[sizeof(meta_name)] = LAYOUT_VERSION;
	if (rc != 0)
		return report_failure(dir, "cannot write", rc, error);
	rc = mdb_put(txn, dbi, &key, &meta, 0);
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	return rc == 0 ? 0 : report_failure(dir, "cannot write", rc, error);
}
