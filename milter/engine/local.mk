noinst_LIBRARIES += libengine.a
libengine_a_SOURCES = \
	milter/engine/clock.c milter/engine/clock.h \
	milter/engine/loop.c milter/engine/loop.h
libengine_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBEVENT_CFLAGS)
