# The configuration, for every program.
noinst_LIBRARIES += libconf.a
libconf_a_SOURCES = \
	milter/config.c milter/config.h milter/options.def \
	milter/config_internal.h \
	milter/config_check.c milter/config_exempt.c milter/config_file.c \
	milter/config_files.c \
	milter/config_io.c milter/config_io.h \
	milter/config_memory.c milter/config_option.c milter/config_parse.c \
	milter/config_source.c milter/config_text.c \
	milter/snapshot.c milter/snapshot.h
libconf_a_CPPFLAGS = $(AM_CPPFLAGS) $(CONFUSE_CFLAGS)
EXTRA_DIST += etc/dane-sts-milter.conf

sbin_PROGRAMS += dane-sts-milter
dane_sts_milter_SOURCES = \
	milter/main.c \
	milter/arguments.c milter/arguments.h \
	milter/daemon.c milter/daemon.h \
	milter/exemption_log.c milter/exemption_log.h \
	milter/notify.c milter/notify.h \
	milter/process.c milter/process.h \
	milter/reload.c milter/reload.h \
	milter/start_log.c milter/start_log.h \
	milter/startup.c milter/startup.h \
	milter/version.c milter/version.h \
	milter/watchdog.c milter/watchdog.h
dane_sts_milter_CPPFLAGS = $(AM_CPPFLAGS) $(CONFUSE_CFLAGS) \
	$(GETDNS_CFLAGS) $(ICU_CFLAGS) $(LIBCURL_CFLAGS) \
	$(LIBEVENT_CFLAGS) $(MILTER_CFLAGS) $(OPENSSL_CFLAGS)
dane_sts_milter_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
dane_sts_milter_LDADD = libfront.a libengine.a libconf.a libio.a libcore.a \
	$(MILTER_LIBS) $(CONFUSE_LIBS) $(DNS_LIBS) $(LIBCURL_LIBS) \
	$(OPENSSL_LIBS) $(ICU_LIBS) $(STORE_LIBS) $(JANSSON_LIBS) \
	$(SECCOMP_LIBS)

dist_doc_DATA = etc/exim.conf etc/postfix-main.cf etc/sendmail.mc

dist_man_MANS += milter/dane-sts-milter.8 etc/dane-sts-milter.conf.5
