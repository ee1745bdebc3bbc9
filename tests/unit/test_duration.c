/* Times as people read them. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdint.h>

#include "base/text.h"

Test(duration, the_two_largest_units)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {
	    {-1,        "0 s"                   },
	    {0,         "0 s"                   },
	    {59,        "59 s"                  },
	    {60,        "1 min"                 },
	    {61,        "1 min 1 s"             },
	    {3599,      "59 min 59 s"           },
	    {3600,      "1 h"                   },
	    {3601,      "1 h"                   },
	    {7260,      "2 h 1 min"             },
	    {86399,     "23 h 59 min"           },
	    {86400,     "1 d"                   },
	    {561600,    "6 d 12 h"              },
	    {31557600,  "365 d 6 h"             },
	    {INT64_MAX, "106751991167300 d 15 h"},
	};
	char text[DURATION_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		duration_text(rows[i].seconds, text);
		cr_expect_str_eq(text, rows[i].text, "%" PRId64 ": \"%s\"",
		    rows[i].seconds, text);
	}
}

Test(duration, moment_is_utc_or_a_number_past_all_years)
{
	static const struct {
		int64_t wall_s;
		const char *text;
	} rows[] = {
	    {0,          "1970-01-01T00:00:00Z"},
	    {951782400,  "2000-02-29T00:00:00Z"},
	    {1795473702, "2026-11-23T22:41:42Z"},
	    {4294967296, "2106-02-07T06:28:16Z"},
	    {INT64_MAX,  "9223372036854775807" },
	};
	char text[DURATION_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		moment_text(rows[i].wall_s, text);
		cr_expect_str_eq(text, rows[i].text, "\"%s\"", text);
	}
}
