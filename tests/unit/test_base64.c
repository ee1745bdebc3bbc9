/* core/base64: the vectors of RFC 4648 10, and text that is none. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static const struct {
	const char *octets;
	const char *text;
} vectors[] = {
    {"",       ""        },
    {"f",      "Zg=="    },
    {"fo",     "Zm8="    },
    {"foo",    "Zm9v"    },
    {"foob",   "Zm9vYg=="},
    {"fooba",  "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

Test(base64, rfc_4648_vectors)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const char *octets = vectors[i].octets;
		const char *text = vectors[i].text;
		char encoded[16];
		uint8_t decoded[16];
		size_t len;

		base64_encode((const uint8_t *)octets, strlen(octets), encoded);
		cr_expect_str_eq(encoded, text);
		cr_expect_eq(strlen(text), BASE64_LEN(strlen(octets)));
		cr_expect_eq(base64_decode(text, strlen(text), decoded, &len),
		    0);
		cr_expect_eq(len, strlen(octets));
		cr_expect_eq(memcmp(decoded, octets, len), 0);
	}
}

Test(base64, every_octet_comes_back)
{
	uint8_t octets[256 + 2];
	char text[BASE64_LEN(sizeof(octets)) + 1];
	uint8_t back[BASE64_OCTETS(sizeof(text) - 1)];
	size_t len;

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 7);
	for (size_t n = 254; n <= sizeof(octets); n++) {
		base64_encode(octets, n, text);
		cr_assert_eq(base64_decode(text, strlen(text), back, &len), 0);
		cr_assert_eq(len, n);
		cr_assert_eq(memcmp(back, octets, n), 0);
	}
}

static const char *const wrong[] = {"Z", "Zg",
    "Zg=", "Zg===", "=Zg=", "Z===", "====", "Zm9v\n", "Zm9v Zm9v", "Zm-v",
    "Zm_v", "Zg==Zm9v", "Zh==", "Zm9=", "Zm\xc3\xa9"};

Test(base64, what_does_not_encode_to_itself_is_refused)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t out[16];
		size_t len;

		cr_expect_eq(base64_decode(wrong[i], strlen(wrong[i]), out,
				 &len),
		    ERR_SYNTAX, "%s", wrong[i]);
	}
}
