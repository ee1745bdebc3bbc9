noinst_LIBRARIES += libdstool.a
libdstool_a_SOURCES = \
	milter/tool/batch.c milter/tool/batch.h \
	milter/tool/cache.c milter/tool/cache.h \
	milter/tool/cache_import.c \
	milter/tool/cache_list.c \
	milter/tool/cache_purge.c \
	milter/tool/cache_warm.c \
	milter/tool/check.c \
	milter/tool/daemon.c \
	milter/tool/explain.c milter/tool/explain.h \
	milter/tool/explain_text.c \
	milter/tool/input.c milter/tool/input.h \
	milter/tool/lint.c milter/tool/lint.h \
	milter/tool/lint_domain.c \
	milter/tool/lint_report.c \
	milter/tool/lint_txt.c \
	milter/tool/names.c milter/tool/names.h \
	milter/tool/options.c milter/tool/tool.h \
	milter/tool/output.c milter/tool/output.h \
	milter/tool/parse.c \
	milter/tool/progress.c milter/tool/progress.h \
	milter/tool/publication.c milter/tool/publication.h \
	milter/tool/query.c milter/tool/query.h \
	milter/tool/rdata_text.c milter/tool/rdata_text.h \
	milter/tool/remote.c milter/tool/remote.h \
	milter/tool/replay.c \
	milter/tool/rule_options.c milter/tool/rule_options.h \
	milter/tool/session.c milter/tool/session.h \
	milter/tool/settings.c \
	milter/tool/status.c \
	milter/tool/style.c milter/tool/style.h \
	milter/tool/tls.c
libdstool_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LIBEVENT_CFLAGS)

bin_PROGRAMS += dane-sts
dane_sts_SOURCES = milter/tool/dane_sts.c
dane_sts_LDFLAGS = $(AM_LDFLAGS) $(DNS_LDFLAGS)
dane_sts_LDADD = libdstool.a libengine.a libconf.a libio.a libcore.a \
	$(CONFUSE_LIBS) $(DNS_LIBS) $(LIBCURL_LIBS) $(OPENSSL_LIBS) \
	$(ICU_LIBS) $(STORE_LIBS) $(JANSSON_LIBS)
dist_man_MANS += milter/tool/dane-sts.1
