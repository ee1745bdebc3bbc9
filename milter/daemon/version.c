#include "autoconf.h"

#include "daemon/version.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <libmilter/mfapi.h>
#include <lmdb.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <unicode/uversion.h>

#include "dns/dns.h"

void
version_libraries(char *out, size_t size)
{
	unsigned major = 0;
	unsigned minor = 0;
	unsigned patch = 0;
	int lmdb_major = 0;
	int lmdb_minor = 0;
	int lmdb_patch = 0;
	char dns[DNS_LIBRARIES_SIZE];
	UVersionInfo icu_version;
	char icu[U_MAX_VERSION_STRING_LENGTH];

	dns_libraries_text(dns);
	(void)mdb_version(&lmdb_major, &lmdb_minor, &lmdb_patch);
	u_getVersion(icu_version);
	u_versionToString(icu_version, icu);
	(void)smfi_version(&major, &minor, &patch);
	snprintf(out, size,
	    "%s, libevent %s, libcurl %s, %s, "
	    "ICU %s, LMDB %d.%d.%d, libmicrohttpd %s, libmilter %u.%u.%u",
	    dns, event_get_version(),
	    curl_version_info(CURLVERSION_NOW)->version,
	    OpenSSL_version(OPENSSL_VERSION), icu, lmdb_major, lmdb_minor,
	    lmdb_patch, MHD_get_version(), major, minor, patch);
}
