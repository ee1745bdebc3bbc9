/*
 * The one error namespace. Functions that can fail return 0 or one of these;
 * text is for people and is made where a person reads it.
 *
 * Pure. Any thread.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* X(member, value, text) */
#define ERR_TABLE(X)                                     \
	X(ERR_NOMEM, -1, "out of memory")                \
	X(ERR_SYNTAX, -2, "syntax error")                \
	X(ERR_RANGE, -3, "out of range")                 \
	X(ERR_TOOLONG, -4, "too long")                   \
	X(ERR_NOTFOUND, -5, "not found")                 \
	X(ERR_IO, -6, "input/output error")              \
	X(ERR_CORRUPT, -7, "damaged data")               \
	X(ERR_VERSION, -8, "written by a newer version") \
	X(ERR_READONLY, -9, "read-only")                 \
	X(ERR_FULL, -10, "no space left")                \
	X(ERR_BUSY, -11, "too many requests")            \
	X(ERR_CANCELLED, -12, "cancelled")               \
	X(ERR_CONFIG, -13, "configuration error")        \
	X(ERR_LIBRARY, -14, "library failure")           \
	X(ERR_DOWN, -15, "the server cannot be reached") \
	X(ERR_KEPT, -16, "what is there is as new")

enum err {
	ERR_OK = 0,
#define X(member, value, text) member = value,
	ERR_TABLE(X)
#undef X
};

/* Static text, never NULL, also for numbers that are not in the table. */
const char *err_text(int err);

#endif
