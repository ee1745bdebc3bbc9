noinst_LIBRARIES += libcore.a
libcore_a_SOURCES =

# What comes from outside: names, addresses, records, policies.
libcore_a_SOURCES += \
	milter/core/ascii.h \
	milter/core/err.c milter/core/err.h \
	milter/core/name.c milter/core/name.h \
	milter/core/address.c milter/core/address.h \
	milter/core/txt.c milter/core/txt.h
