noinst_LIBRARIES += libio.a
libio_a_SOURCES =
libio_a_CPPFLAGS = $(AM_CPPFLAGS)

# Names in other scripts.
libio_a_CPPFLAGS += $(IDN2_CFLAGS)
libio_a_SOURCES += milter/io/idn.c milter/io/idn.h
