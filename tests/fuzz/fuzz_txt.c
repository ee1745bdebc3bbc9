/* The TXT RRset at _mta-sts, against the oracle. */
#include "autoconf.h"

#include "core/txt.h"
#include "fuzz.h"
#include "oracle_txt.h"
#include "txt_input.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct txt_input input;

	txt_input_make(data, size, &input);
	oracle_txt_compare(input.record, input.n);
	txt_input_free(&input);
	return 0;
}
