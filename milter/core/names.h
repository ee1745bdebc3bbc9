/*
 * Generates an enum, and the functions that turn its members into words and
 * back, from a table X(member, name, ...).
 */
#ifndef CORE_NAMES_H
#define CORE_NAMES_H

#include <stddef.h>
#include <string.h>

/* The members alone: enum x { TABLE(NAMES_MEMBER) }; */
#define NAMES_MEMBER(member, ...) member,

#define NAMES_FIRST(name, ...) (name)
#define NAMES_ROW(member, ...) [member] = NAMES_FIRST(__VA_ARGS__, ),

/* const char *PREFIX_name(TYPE member) */
#define NAMES(prefix, type, table)                                      \
	static const char *const prefix##_names[] = {table(NAMES_ROW)}; \
                                                                        \
	const char *prefix##_name(type member)                          \
	{                                                               \
		return prefix##_names[member];                          \
	}

/* The same, and int PREFIX_by_name(const char *name): -1 if there is none. */
#define NAMES_BOTH_WAYS(prefix, type, table)                                \
	NAMES(prefix, type, table)                                          \
                                                                            \
	int prefix##_by_name(const char *name)                              \
	{                                                                   \
		return names_find(prefix##_names,                           \
		    sizeof(prefix##_names) / sizeof(*prefix##_names), name, \
		    strlen(name));                                          \
	}

static inline int
names_find(const char *const *names, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return (int)i;
	return -1;
}

#endif
