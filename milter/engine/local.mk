noinst_LIBRARIES += libengine.a
libengine_a_SOURCES = \
	milter/engine/answer.c milter/engine/answer.h \
	milter/engine/ask.c milter/engine/ask.h \
	milter/engine/ask_wait.c \
	milter/engine/backoff.c milter/engine/backoff.h \
	milter/engine/cache.c milter/engine/cache.h \
	milter/engine/clock.c milter/engine/clock.h \
	milter/engine/engine.c milter/engine/engine_impl.h \
	milter/engine/flap.c milter/engine/flap.h \
	milter/engine/lookup.c milter/engine/lookup.h \
	milter/engine/lookup_delivery.c milter/engine/lookup_impl.h \
	milter/engine/lookup_discovery.c \
	milter/engine/lookup_fetch.c milter/engine/lookup_limit.c \
	milter/engine/lookup_policy.c \
	milter/engine/lookup_report.c \
	milter/engine/loop.c milter/engine/loop.h \
	milter/engine/map.c milter/engine/map.h \
	milter/engine/probe.c milter/engine/probe.h \
	milter/engine/pulse.c milter/engine/pulse.h \
	milter/engine/refresh.c milter/engine/refresh.h \
	milter/engine/refresh_plan.c milter/engine/refresh_plan.h \
	milter/engine/setup.c milter/engine/setup.h \
	milter/engine/status.c milter/engine/status.h \
	milter/engine/wall.c milter/engine/wall.h \
	milter/engine/worker.h
libengine_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBEVENT_CFLAGS)
