# Everything compiled. A library holds the folders that are linked together:
#
#	libcore.a	base/ as far as it needs libc alone, core/, the trees of
#			text/
#	libio.a		base/ that knows libraries, dns/ fetch/ log/ store/
#	libengine.a	engine/
#	libconf.a	config/
#	libfront.a	front/
#	libdstool.a	tool/
#
# `make lint` checks that no folder includes one above it (tests/size).
noinst_LIBRARIES += libcore.a libio.a libengine.a libconf.a libfront.a \
	libdstool.a

# --- base/, core/, text/: libc alone. The tests of core/ link nothing else.
libcore_a_SOURCES = \
	milter/base/ascii.h \
	milter/base/clock.c milter/base/clock.h \
	milter/base/err.c milter/base/err.h \
	milter/base/map.c milter/base/map.h \
	milter/base/name.c milter/base/name.h \
	milter/base/text.c milter/base/text.h \
	milter/base/thread.c milter/base/thread.h \
	milter/core/address.c milter/core/address.h \
	milter/core/decide.c milter/core/decide.h \
	milter/core/delivery.c \
	milter/core/domain_list.c milter/core/domain_list.h \
	milter/core/facts.c milter/core/facts.h \
	milter/core/names.h \
	milter/core/policy.c milter/core/policy.h \
	milter/core/policy_field.c milter/core/policy_field.h \
	milter/core/scope.c milter/core/scope.h \
	milter/core/tls_policy.c milter/core/tls_policy.h \
	milter/core/tls_policy_text.c \
	milter/core/txt.c milter/core/txt.h \
	milter/core/verdict.c milter/core/verdict.h \
	milter/text/advice.c milter/text/advice.h \
	milter/text/tree.c milter/text/tree.h

# --- base/, dns/, fetch/, log/, store/: one library behind one header each.
libio_a_CPPFLAGS = $(AM_CPPFLAGS) $(GETDNS_CFLAGS) $(HIREDIS_CFLAGS) \
	$(ICU_CFLAGS) $(JANSSON_CFLAGS) $(LIBCURL_CFLAGS) $(LIBEVENT_CFLAGS) \
	$(OPENSSL_CFLAGS) $(SECCOMP_CFLAGS)
libio_a_SOURCES = \
	milter/base/idn.c milter/base/idn.h \
	milter/base/line.c milter/base/line.h \
	milter/base/net.c milter/base/net.h \
	milter/base/standard_fds.h \
	milter/dns/dns.c milter/dns/dns.h \
	milter/dns/dns_anchor.c \
	milter/dns/dns_context.c \
	milter/dns/dns_guard.c milter/dns/dns_guard.h \
	milter/dns/dns_internal.h \
	milter/dns/dns_proof.c \
	milter/dns/dns_reply.c \
	milter/dns/dns_second.c \
	milter/dns/dns_setup.c \
	milter/dns/dns_wire.c \
	milter/fetch/fetch.c milter/fetch/fetch.h \
	milter/fetch/fetch_internal.h \
	milter/fetch/fetch_outcome.c \
	milter/fetch/fetch_tls.c \
	milter/fetch/fetch_transfer.c \
	milter/log/log.c milter/log/log.h \
	milter/log/log_event.c \
	milter/log/log_impl.h \
	milter/log/log_read.c milter/log/log_read.h \
	milter/log/metrics.c milter/log/metrics.h \
	milter/log/tlsrpt.c milter/log/tlsrpt.h \
	milter/store/lmdb_backup.c \
	milter/store/lmdb_env.c \
	milter/store/lmdb_room.c \
	milter/store/overlay.c milter/store/overlay.h \
	milter/store/redis_address.c \
	milter/store/redis_connect.c \
	milter/store/redis_keeper.c \
	milter/store/redis_link.c milter/store/redis_link.h \
	milter/store/redis_script.c \
	milter/store/store.c milter/store/store.h \
	milter/store/store_backend.h \
	milter/store/store_json.c milter/store/store_json.h \
	milter/store/store_lmdb.c milter/store/store_lmdb.h \
	milter/store/store_overlay.c \
	milter/store/store_queue.c milter/store/store_queue.h \
	milter/store/store_record.c milter/store/store_record.h \
	milter/store/store_redis.c milter/store/store_redis.h \
	milter/store/store_redis_list.c \
	milter/store/store_redis_watch.c \
	milter/store/store_redis_write.c \
	milter/text/facts_json.c milter/text/facts_json.h

STORE_LIBS = $(LMDB_LIBS) $(HIREDIS_LIBS) $(OPENSSL_LIBS) $(JANSSON_LIBS)

# The program's own ub_ctx_set_fwd and ub_resolve_event must be seen by
# libgetdns (dns_guard.h): a program that links dns.c needs these flags.
DNS_LDFLAGS = -Wl,--export-dynamic-symbol=ub_ctx_set_fwd \
	-Wl,--export-dynamic-symbol=ub_resolve_event
DNS_LIBS = $(GETDNS_LIBS) $(UNBOUND_LIBS) $(LIBEVENT_LIBS) $(OPENSSL_LIBS)

# --- engine/: one lookup per domain on an event loop.
libengine_a_SOURCES = \
	milter/engine/ask.c milter/engine/ask.h \
	milter/engine/ask_wait.c \
	milter/engine/cache.c milter/engine/cache.h \
	milter/engine/engine.c milter/engine/engine_impl.h \
	milter/engine/recent.c milter/engine/recent.h \
	milter/engine/lookup.c milter/engine/lookup_impl.h \
	milter/engine/lookup_delivery.c \
	milter/engine/lookup_discovery.c \
	milter/engine/lookup_fetch.c \
	milter/engine/lookup_limit.c \
	milter/engine/lookup_policy.c \
	milter/engine/lookup_report.c \
	milter/engine/loop.c milter/engine/loop.h \
	milter/engine/probe.c milter/engine/probe.h \
	milter/engine/refresh.c milter/engine/refresh.h \
	milter/engine/setup.c
libengine_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBEVENT_CFLAGS)

# --- config/
libconf_a_SOURCES = \
	milter/config/config.c milter/config/config.h \
	milter/config/config_check.c \
	milter/config/config_domains.c \
	milter/config/config_file.c \
	milter/config/config_internal.h \
	milter/config/config_io.c \
	milter/config/config_option.c \
	milter/config/config_text.c \
	milter/config/options.def \
	milter/config/snapshot.h
EXTRA_DIST += etc/dane-sts-milter.conf

# --- front/: the milter, the socketmap, the control socket, HTTP.
libfront_a_SOURCES = \
	milter/front/control.c milter/front/control.h \
	milter/front/control_cache.c \
	milter/front/control_status.c \
	milter/front/filter.c milter/front/filter.h \
	milter/front/filter_socket.c \
	milter/front/http.c milter/front/http.h \
	milter/front/listen.c milter/front/listen.h \
	milter/front/metrics.c \
	milter/front/page.c \
	milter/front/recipient.c milter/front/recipient.h \
	milter/front/recipient_log.c \
	milter/front/socketmap.c milter/front/socketmap.h \
	milter/front/socketmap_client.c \
	milter/front/stats_sampler.c milter/front/stats_sampler.h \
	milter/front/tls_lookup.c milter/front/tls_lookup.h \
	milter/front/web.c milter/front/web.h \
	milter/front/web_domain.c \
	milter/text/html.c milter/text/html.h
libfront_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LIBEVENT_CFLAGS) \
	$(MICROHTTPD_CFLAGS) $(MILTER_CFLAGS)

# --- tool/: dane-sts
libdstool_a_SOURCES = \
	milter/tool/cache.c milter/tool/cache.h \
	milter/tool/cache_change.c \
	milter/tool/check.c \
	milter/tool/daemon.c \
	milter/tool/doctor.c milter/tool/doctor.h \
	milter/tool/doctor_mta.c \
	milter/tool/explain.c milter/tool/explain.h \
	milter/tool/explain_text.c \
	milter/tool/input.c milter/tool/input.h \
	milter/tool/lint.c milter/tool/lint.h \
	milter/tool/lint_domain.c \
	milter/tool/lint_report.c \
	milter/tool/options.c \
	milter/tool/output.c milter/tool/output.h \
	milter/tool/postconf.c milter/tool/postconf.h \
	milter/tool/publish.c \
	milter/tool/remote.c milter/tool/remote.h \
	milter/tool/resolve.c milter/tool/resolve.h \
	milter/tool/replay.c \
	milter/tool/session.c milter/tool/session.h \
	milter/tool/tls_peer.c milter/tool/tls_peer.h \
	milter/tool/tool.h
libdstool_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LIBEVENT_CFLAGS) \
	$(OPENSSL_CFLAGS)

bin_PROGRAMS += dane-sts
dane_sts_SOURCES = milter/tool/dane_sts.c
dane_sts_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
dane_sts_LDADD = libdstool.a libengine.a libconf.a libio.a libcore.a \
	$(DNS_LIBS) $(LIBCURL_LIBS) $(OPENSSL_LIBS) \
	$(ICU_LIBS) $(STORE_LIBS) $(JANSSON_LIBS)
dist_man_MANS += milter/tool/dane-sts.1

# --- daemon/: dane-sts-milter
sbin_PROGRAMS += dane-sts-milter
dane_sts_milter_SOURCES = \
	milter/daemon/daemon.c milter/daemon/daemon.h \
	milter/daemon/main.c \
	milter/daemon/process.c milter/daemon/process.h \
	milter/daemon/reload.c milter/daemon/reload.h \
	milter/daemon/start_log.c milter/daemon/start_log.h \
	milter/daemon/preflight.c \
	milter/daemon/watchdog.c milter/daemon/watchdog.h
dane_sts_milter_CPPFLAGS = $(AM_CPPFLAGS) \
	$(GETDNS_CFLAGS) $(ICU_CFLAGS) $(LIBCURL_CFLAGS) \
	$(LIBEVENT_CFLAGS) $(MICROHTTPD_CFLAGS) $(MILTER_CFLAGS) \
	$(OPENSSL_CFLAGS)
# So must its poll and accept by libmilter (front/filter.h).
dane_sts_milter_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS) \
	-Wl,--export-dynamic-symbol=poll \
	-Wl,--export-dynamic-symbol=accept
dane_sts_milter_LDADD = libfront.a libengine.a libconf.a libio.a libcore.a \
	$(MILTER_LIBS) $(DNS_LIBS) $(LIBCURL_LIBS) \
	$(OPENSSL_LIBS) $(ICU_LIBS) $(STORE_LIBS) $(JANSSON_LIBS) \
	$(MICROHTTPD_LIBS) $(SECCOMP_LIBS)
dist_man_MANS += milter/dane-sts-milter.8 etc/dane-sts-milter.conf.5

dist_doc_DATA = etc/exim.conf etc/postfix-main.cf etc/sendmail.mc
