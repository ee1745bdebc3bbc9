noinst_LIBRARIES += libio.a
libio_a_SOURCES =
libio_a_CPPFLAGS = $(AM_CPPFLAGS)

# The policy store.
libio_a_SOURCES += \
	milter/io/store.c milter/io/store.h \
	milter/io/store_backend.h \
	milter/io/store_backup.c milter/io/store_backup.h \
	milter/io/store_copy.c milter/io/store_copy.h \
	milter/io/store_env.c milter/io/store_env.h \
	milter/io/store_format.c milter/io/store_format.h \
	milter/io/store_lane.c milter/io/store_lane.h \
	milter/io/store_lmdb.c \
	milter/io/store_memory.c \
	milter/io/store_merge.c milter/io/store_merge.h \
	milter/io/store_meta.c milter/io/store_meta.h \
	milter/io/store_record.c milter/io/store_record.h \
	milter/io/store_redis.c milter/io/store_redis.h \
	milter/io/store_redis_list.c milter/io/store_redis_read.c \
	milter/io/store_redis_room.c milter/io/store_redis_write.c \
	milter/io/store_report.c milter/io/store_report.h \
	milter/io/store_restore.c milter/io/store_restore.h \
	milter/io/store_room.c milter/io/store_room.h \
	milter/io/store_table.c milter/io/store_table.h \
	milter/io/store_unwritten.c milter/io/store_unwritten.h \
	milter/io/store_verify.c milter/io/store_verify.h
STORE_LIBS = $(LMDB_LIBS) $(HIREDIS_LIBS) $(OPENSSL_LIBS) $(JANSSON_LIBS)

# A Redis server, for the store.
libio_a_CPPFLAGS += $(HIREDIS_CFLAGS) $(OPENSSL_CFLAGS)
libio_a_SOURCES += \
	milter/io/redis_address.c milter/io/redis_address.h \
	milter/io/redis_auth.c milter/io/redis_auth.h \
	milter/io/redis_keeper.c milter/io/redis_keeper.h \
	milter/io/redis_link.c milter/io/redis_link.h \
	milter/io/redis_login.c milter/io/redis_login.h \
	milter/io/redis_resolve.c milter/io/redis_resolve.h \
	milter/io/redis_script.c milter/io/redis_script.h \
	milter/io/redis_socket.c milter/io/redis_socket.h \
	milter/io/redis_tls.c milter/io/redis_tls.h \
	milter/io/redis_wait.c milter/io/redis_wait.h

# Names in other scripts.
libio_a_CPPFLAGS += $(IDN2_CFLAGS)
libio_a_SOURCES += milter/io/idn.c milter/io/idn.h

# What a program is started with.
libio_a_SOURCES += milter/io/standard_fds.c milter/io/standard_fds.h

# Network addresses.
libio_a_SOURCES += milter/io/net.c milter/io/net.h

# The policy fetch.
libio_a_SOURCES += \
	milter/io/fetch.c milter/io/fetch.h \
	milter/io/fetch_event.c milter/io/fetch_event.h \
	milter/io/fetch_head.c milter/io/fetch_head.h \
	milter/io/fetch_outcome.c milter/io/fetch_outcome.h \
	milter/io/fetch_text.c milter/io/fetch_text.h \
	milter/io/fetch_tls.c milter/io/fetch_tls.h \
	milter/io/fetch_transfer.c milter/io/fetch_transfer.h
libio_a_CPPFLAGS += $(LIBCURL_CFLAGS) $(OPENSSL_CFLAGS) $(LIBEVENT_CFLAGS)

# Lines over sockets, and stored policies on them.
libio_a_SOURCES += milter/io/line.c milter/io/line.h \
	milter/io/store_json.c milter/io/store_json.h \
	milter/io/store_wait.c milter/io/store_wait.h

# The log.
libio_a_SOURCES += milter/io/log.c milter/io/log.h \
	milter/io/log_escape.c milter/io/log_escape.h \
	milter/io/log_event.c milter/io/log_impl.h \
	milter/io/log_queue.c milter/io/log_queue.h

# Reports to a TLSRPT collector.
libio_a_SOURCES += milter/io/tlsrpt.c milter/io/tlsrpt.h

# What the kernel still does for the daemon.
libio_a_CPPFLAGS += $(SECCOMP_CFLAGS)
libio_a_SOURCES += milter/io/sandbox.c milter/io/sandbox.h

# What is counted.
libio_a_SOURCES += milter/io/metrics.c milter/io/metrics.h

# Facts and verdicts as JSON; lines of the log.
libio_a_CPPFLAGS += $(JANSSON_CFLAGS)
libio_a_SOURCES += milter/io/log_read.c milter/io/log_read.h
libio_a_SOURCES += milter/io/facts_json.h \
	milter/io/facts_json_read.c milter/io/facts_json_write.c

# Validated DNS. The program's own ub_ctx_set_fwd and ub_resolve_event must be
# seen by libgetdns (dns_guard.h): whatever links dns.c needs these flags.
DNS_LDFLAGS = -Wl,--export-dynamic-symbol=ub_ctx_set_fwd \
	-Wl,--export-dynamic-symbol=ub_resolve_event
DNS_LIBS = $(GETDNS_LIBS) $(UNBOUND_LIBS) $(LIBEVENT_LIBS) $(OPENSSL_LIBS)
libio_a_CPPFLAGS += $(GETDNS_CFLAGS) $(LIBEVENT_CFLAGS)
libio_a_SOURCES += \
	milter/io/dns.c milter/io/dns.h \
	milter/io/dns_anchor.c milter/io/dns_anchor.h \
	milter/io/dns_context.c milter/io/dns_context.h \
	milter/io/dns_delegation.c milter/io/dns_delegation.h \
	milter/io/dns_guard.c milter/io/dns_guard.h \
	milter/io/dns_libraries.c milter/io/dns_libraries.h \
	milter/io/dns_loop.c milter/io/dns_loop.h \
	milter/io/dns_proof.c milter/io/dns_proof.h \
	milter/io/dns_reply.c milter/io/dns_reply.h \
	milter/io/dns_resolver.c milter/io/dns_resolver.h \
	milter/io/dns_setup.c milter/io/dns_setup.h \
	milter/io/dns_wire.c milter/io/dns_wire.h
