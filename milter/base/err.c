#include "autoconf.h"

#include "base/err.h"

const char *
err_text(int err)
{
	switch (err) {
	case ERR_OK:
		return "no error";
#define X(member, value, text) \
	case member:           \
		return text;
		ERR_TABLE(X)
#undef X
	}
	return "unknown error";
}
