noinst_LIBRARIES += libcore.a
libcore_a_SOURCES =

# What comes from outside: names, addresses, records, policies.
libcore_a_SOURCES += \
	milter/core/ascii.h \
	milter/core/err.c milter/core/err.h \
	milter/core/base64.c milter/core/base64.h \
	milter/core/name.c milter/core/name.h \
	milter/core/tlsa.c milter/core/tlsa.h \
	milter/core/address.c milter/core/address.h \
	milter/core/txt.c milter/core/txt.h \
	milter/core/policy.c milter/core/policy.h \
	milter/core/policy_field.c milter/core/policy_field.h \
	milter/core/policy_lint.c milter/core/policy_lint.h \
	milter/core/policy_mx.c

# The decision.
libcore_a_SOURCES += \
	milter/core/facts.c milter/core/facts.h \
	milter/core/verdict.c milter/core/verdict.h \
	milter/core/discovery.c milter/core/discovery.h \
	milter/core/delivery.c milter/core/delivery.h \
	milter/core/decide.c milter/core/decide.h \
	milter/core/reply.c milter/core/reply.h \
	milter/core/domain_list.c milter/core/domain_list.h \
	milter/core/scope.c milter/core/scope.h \
	milter/core/next_hop.c \
	milter/core/share.c milter/core/share.h

# The moment of delivery.
libcore_a_SOURCES += \
	milter/core/netstring.c milter/core/netstring.h \
	milter/core/tls_policy.c milter/core/tls_policy.h \
	milter/core/tls_policy_text.c

# What people are told.
libcore_a_SOURCES += \
	milter/core/advice.c milter/core/advice.h \
	milter/core/duration.c milter/core/duration.h \
	milter/core/text.c milter/core/text.h \
	milter/core/tree.c milter/core/tree.h
