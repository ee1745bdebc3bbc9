noinst_LIBRARIES += libfront.a
libfront_a_SOURCES = \
	milter/front/control.c milter/front/control.h \
	milter/front/control_cache.c \
	milter/front/control_client.c milter/front/control_client.h \
	milter/front/control_import.c \
	milter/front/control_socket.c \
	milter/front/control_status.c \
	milter/front/control_warm.c \
	milter/front/filter.c milter/front/filter.h \
	milter/front/filter_socket.c milter/front/filter_socket.h \
	milter/front/gate.c milter/front/gate.h \
	milter/front/message.c milter/front/message.h \
	milter/front/pool_waker.c milter/front/pool_waker.h \
	milter/front/recipient.c milter/front/recipient.h \
	milter/front/recipient_log.c milter/front/recipient_log.h \
	milter/front/unix_socket.c milter/front/unix_socket.h
libfront_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(MILTER_CFLAGS)

# Metrics and the status page.
libfront_a_SOURCES += \
	milter/front/api.c milter/front/api.h \
	milter/front/census.c milter/front/census.h \
	milter/front/checker.c milter/front/checker.h \
	milter/front/history.c milter/front/history.h \
	milter/front/html.c milter/front/html.h \
	milter/front/http.c milter/front/http.h \
	milter/front/http_client.c milter/front/http_client.h \
	milter/front/http_request.c milter/front/http_request.h \
	milter/front/metrics.c milter/front/metrics.h \
	milter/front/minute.c milter/front/minute.h \
	milter/front/page.c milter/front/page.h \
	milter/front/refusals.c milter/front/refusals.h \
	milter/front/web.c milter/front/web.h

# The moment of delivery.
libfront_a_SOURCES += \
	milter/front/listen.c milter/front/listen.h \
	milter/front/socketmap.c milter/front/socketmap.h \
	milter/front/socketmap_client.c milter/front/socketmap_client.h \
	milter/front/tls_log.c milter/front/tls_log.h \
	milter/front/tls_lookup.c milter/front/tls_lookup.h
libfront_a_CPPFLAGS += $(LIBEVENT_CFLAGS)
