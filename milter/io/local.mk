noinst_LIBRARIES += libio.a
libio_a_SOURCES =
libio_a_CPPFLAGS = $(AM_CPPFLAGS)

# Names in other scripts.
libio_a_CPPFLAGS += $(IDN2_CFLAGS)
libio_a_SOURCES += milter/io/idn.c milter/io/idn.h

# The log.
libio_a_SOURCES += milter/io/log.c milter/io/log.h \
	milter/io/log_escape.c milter/io/log_escape.h
