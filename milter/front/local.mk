noinst_LIBRARIES += libfront.a
libfront_a_SOURCES = \
	milter/front/counters.c milter/front/counters.h \
	milter/front/filter.c milter/front/filter.h \
	milter/front/filter_socket.c milter/front/filter_socket.h \
	milter/front/gate.c milter/front/gate.h \
	milter/front/message.c milter/front/message.h \
	milter/front/recipient.c milter/front/recipient.h \
	milter/front/recipient_log.c milter/front/recipient_log.h
libfront_a_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS)
