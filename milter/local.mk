# The configuration, for every program.
noinst_LIBRARIES += libconf.a
libconf_a_SOURCES = \
	milter/config.c milter/config.h milter/options.def \
	milter/config_internal.h \
	milter/config_check.c milter/config_exempt.c milter/config_file.c \
	milter/config_io.c milter/config_io.h \
	milter/config_memory.c milter/config_option.c milter/config_parse.c \
	milter/config_source.c milter/config_text.c
libconf_a_CPPFLAGS = $(AM_CPPFLAGS) $(CONFUSE_CFLAGS)
EXTRA_DIST += etc/dane-sts-milter.conf
