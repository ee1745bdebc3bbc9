/*
 * The trust anchor file: DNSKEY or DS records of the root as a zone file,
 * such as /usr/share/dns/root.key, or with RFC 5011 state as unbound-anchor(8)
 * writes it. Every record must be understood: with some anchors left out,
 * validation would fail on the day of a key roll-over. Keys that are revoked,
 * or that RFC 5011 does not trust yet, are left out. The end of this file
 * compares the anchors with the keys that the root has now.
 */
#include "autoconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "base/ascii.h"
#include "base/err.h"
#include "dns/dns_internal.h"

enum {
	TYPE_DS = 43,
	TYPE_DNSKEY = 48
};
enum {
	FLAG_ZONE_KEY = 0x0100,
	FLAG_REVOKE = 0x0080,
	FLAG_SEP = 0x0001
}; /* RFC 4034, RFC 5011 */

#define FILE_MAX_OCTETS 65536
#define ENTRY_MAX       8192

struct reader {
	const char *path;
	char *error;
	char *text; /* of the whole file */
	size_t len;
	size_t at;
	unsigned line;
	char entry[ENTRY_MAX]; /* one record on one line */
	size_t entry_len;
	char state; /* of the key in it, see next_entry; 0: not said */
	getdns_list *list;
	size_t n;
	uint32_t kind; /* TYPE_DS or TYPE_DNSKEY; 0: none yet */
};

/* line 0: the file as a whole. */
static int
fault_at(struct reader *r, unsigned line, const char *what)
{
	char number[16] = "";

	if (line > 0)
		(void)snprintf(number, sizeof(number), ":%u", line);
	(void)snprintf(r->error, DNS_ERROR_SIZE, "trust_anchor %s%s: %s",
	    r->path, number, what);
	return ERR_CONFIG;
}

static int
read_file(struct reader *r)
{
	struct stat st;
	FILE *f = NULL;
	int err = 0;

	if (r->path == NULL || r->path[0] == '\0') {
		r->path = "";
		return fault_at(r, 0, "no file is named");
	}
	f = fopen(r->path, "re");
	if (f == NULL || fstat(fileno(f), &st) != 0) {
		err = fault_at(r, 0, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX_OCTETS) {
		err = fault_at(r, 0, "not a file of records");
		goto out;
	}
	r->text = malloc(FILE_MAX_OCTETS);
	if (r->text == NULL) {
		err = fault_at(r, 0, err_text(ERR_NOMEM));
		goto out;
	}
	r->len = fread(r->text, 1, FILE_MAX_OCTETS, f);
	if (ferror(f) != 0)
		err = fault_at(r, 0, strerror(errno));
out:
	if (f != NULL)
		(void)fclose(f);
	return err;
}

/*
 * The next entry without comments, parentheses and line ends within them
 * (RFC 1035 5.1). 1: there is one; 0: the end; or an error.
 */
static int
next_entry(struct reader *r)
{
	static const char mark[] = ";;state=";
	bool comment = false;
	int depth = 0;
	char c;

	r->entry_len = 0;
	r->state = '\0';
	while (r->at < r->len) {
		c = r->text[r->at++];
		if (c == '\n')
			comment = false;
		if (c == '\n' && depth == 0)
			return 1;
		if (c == '\n')
			r->line++;
		if (c == ';') {
			comment = true;
			/* unbound-anchor keeps RFC 5011 state in a comment
			 * after each key: ";;state=1 [ ADDPEND ]". */
			if (r->len - r->at >= sizeof(mark) - 1 &&
			    memcmp(r->text + r->at - 1, mark,
				sizeof(mark) - 1) == 0)
				r->state = r->text[r->at + sizeof(mark) - 2];
		}
		if (comment)
			continue;
		if (c == '(')
			depth++;
		if (c == ')')
			depth--;
		if (c == '\0' || depth < 0 || r->entry_len == ENTRY_MAX - 1)
			return fault_at(r, r->line, "not a record");
		if (c == '(' || c == ')' || c == '\n' || c == '\r')
			c = ' ';
		r->entry[r->entry_len++] = c;
	}
	if (depth != 0)
		return fault_at(r, r->line, "a parenthesis is not closed");
	return r->entry_len > 0 ? 1 : 0;
}

/* Blank lines and directives ($TTL, $ORIGIN) say nothing about the root. */
static bool
entry_is_empty(const struct reader *r)
{
	size_t i;

	if (r->entry_len > 0 && r->entry[0] == '$')
		return true;
	for (i = 0; i < r->entry_len; i++)
		if (!ascii_is_wsp((uint8_t)r->entry[i]))
			return false;
	return true;
}

/* NULL if the record can be used. *skip: it is to be left out. */
static const char *
record_fault(const struct reader *r, const getdns_dict *record, bool *skip)
{
	getdns_bindata *name;
	uint32_t type = 0;
	uint32_t flags = 0;

	(void)getdns_dict_get_int(record, "type", &type);
	if (type != TYPE_DS && type != TYPE_DNSKEY)
		return "neither DNSKEY nor DS";
	if (getdns_dict_get_bindata(record, "name", &name) !=
		GETDNS_RETURN_GOOD ||
	    name->size != 1 || name->data[0] != 0)
		return "not a record of the root \".\"";
	if (r->kind != 0 && r->kind != type)
		return "DNSKEY and DS records do not mix";
	if (type == TYPE_DS)
		return NULL;
	if (getdns_dict_get_int(record, "/rdata/flags", &flags) !=
		GETDNS_RETURN_GOOD ||
	    (flags & FLAG_ZONE_KEY) == 0)
		return "not a zone key";
	/* RFC 5011 4.2: only VALID (2) and MISSING (3) keys are anchors. An
	 * attacker with a stolen key can have announced one that is pending. */
	*skip = (flags & FLAG_REVOKE) != 0 ||
	    (r->state != '\0' && r->state != '2' && r->state != '3');
	return NULL;
}

static int
add_entry(struct reader *r)
{
	getdns_dict *record = NULL;
	const char *what = "not a record";
	bool skip = false;
	uint32_t type = 0;

	r->entry[r->entry_len] = '\0';
	if (getdns_str2rr_dict(r->entry, &record, NULL, 3600) ==
	    GETDNS_RETURN_GOOD)
		what = record_fault(r, record, &skip);
	if (what == NULL) {
		(void)getdns_dict_get_int(record, "type", &type);
		r->kind = type;
		if (!skip &&
		    getdns_list_set_dict(r->list, r->n++, record) !=
			GETDNS_RETURN_GOOD)
			what = err_text(ERR_NOMEM);
	}
	getdns_dict_destroy(record);
	return what == NULL ? 0 : fault_at(r, r->line, what);
}

int
dns_anchor_read(const char *path, getdns_list **list,
    char error[DNS_ERROR_SIZE])
{
	struct reader *r = calloc(1, sizeof(*r));
	int err;

	*list = NULL;
	if (r == NULL)
		return dns_no_memory(error);
	r->path = path;
	r->error = error;
	r->list = getdns_list_create();
	if (r->list == NULL)
		err = fault_at(r, 0, err_text(ERR_NOMEM));
	else
		err = read_file(r);
	r->line = 1;
	for (; err == 0 && (err = next_entry(r)) > 0; r->line++)
		err = entry_is_empty(r) ? 0 : add_entry(r);
	if (err == 0 && r->n == 0)
		err = fault_at(r, 0, "no trust anchor in it");
	if (err == 0) {
		*list = r->list;
		r->list = NULL;
	}
	getdns_list_destroy(r->list);
	free(r->text);
	free(r);
	return err;
}

/* --- the keys of the root ------------------------------------------------- */

enum {
	KEY_HEAD = 4, /* DNSKEY: flags, protocol, algorithm */
	DS_HEAD = 4   /* DS: key tag, algorithm, digest type */
};

/* RFC 4034 appendix B */
static unsigned
key_tag(const uint8_t *rdata, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)rdata[i] << 8 : rdata[i];
	return (sum + (sum >> 16)) & 0xffff;
}

/* RFC 4034 5.1.4, of a key of the root. A digest that cannot be computed here
 * counts as the right one: a warning must be certain. */
static bool
digest_is_of(const uint8_t *digest, size_t digest_len, unsigned type,
    const uint8_t *rdata, size_t len)
{
	static const uint8_t root[] = {0};
	const EVP_MD *md = type == 1 ? EVP_sha1()
	    : type == 2              ? EVP_sha256()
	    : type == 4              ? EVP_sha384()
				     : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t out[EVP_MAX_MD_SIZE];
	unsigned out_len = 0;
	bool same = true;

	if (md != NULL && ctx != NULL &&
	    EVP_DigestInit_ex(ctx, md, NULL) == 1 &&
	    EVP_DigestUpdate(ctx, root, sizeof(root)) == 1 &&
	    EVP_DigestUpdate(ctx, rdata, len) == 1 &&
	    EVP_DigestFinal_ex(ctx, out, &out_len) == 1)
		same = out_len == digest_len &&
		    memcmp(out, digest, digest_len) == 0;
	EVP_MD_CTX_free(ctx);
	return same;
}

static bool
anchor_is_of(const getdns_dict *anchor, const uint8_t *rdata, size_t len)
{
	getdns_bindata *own;
	uint32_t type = 0;

	if (getdns_dict_get_int(anchor, "type", &type) != GETDNS_RETURN_GOOD ||
	    getdns_dict_get_bindata(anchor, "/rdata/rdata_raw", &own) !=
		GETDNS_RETURN_GOOD)
		return false;
	/* Flags may differ. */
	if (type == TYPE_DNSKEY)
		return own->size == len &&
		    memcmp(own->data + 2, rdata + 2, len - 2) == 0;
	return own->size > DS_HEAD &&
	    ((unsigned)own->data[0] << 8 | own->data[1]) ==
	    key_tag(rdata, len) &&
	    own->data[2] == rdata[3] &&
	    digest_is_of(own->data + DS_HEAD, own->size - DS_HEAD, own->data[3],
		rdata, len);
}

int
dns_anchor_missing(const getdns_list *anchors, const struct dns_answer *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		const uint8_t *rdata = keys->records[i].data;
		size_t len = keys->records[i].len;
		getdns_dict *anchor;
		unsigned flags;
		bool found = false;

		if (len <= KEY_HEAD)
			continue;
		flags = (unsigned)rdata[0] << 8 | rdata[1];
		if ((flags & FLAG_SEP) == 0 || (flags & FLAG_ZONE_KEY) == 0 ||
		    (flags & FLAG_REVOKE) != 0)
			continue;
		for (size_t k = 0; !found &&
		     getdns_list_get_dict(anchors, k, &anchor) ==
			 GETDNS_RETURN_GOOD;
		     k++)
			found = anchor_is_of(anchor, rdata, len);
		if (!found)
			return (int)key_tag(rdata, len);
	}
	return -1;
}
