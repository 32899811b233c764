/* SPDX-License-Identifier: Apache-2.0 */

#include "ctl/token-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/files.h"
#include "base/identity.h"

struct text {
	uint8_t *data;
	size_t size;
};

static void cleanup_text(struct text *text)
{
	if (text->data)
		crypto_wipe(text->data, text->size);
	free(text->data);
}

const char *token_file_load(void *userdata, enum token_row row, char *const *field,
	struct token **ret_token, int *ret_result)
{
	CLEANUP(cleanup_text) struct text certificate = {0};
	CLEANUP(cleanup_text) struct text key = {0};
	struct span value[TOKEN_ROW_VALUES];
	int r;

	*ret_token = NULL;
	*ret_result = 0;
	r = file_read(AT_FDCWD, field[1], IDENTITY_MAX, &certificate.data, &certificate.size);
	if (r < 0)
		return r == -EFBIG ? "names a certificate file that is too large"
				   : "names a certificate file that cannot be read";
	r = file_read(AT_FDCWD, field[2], IDENTITY_MAX, &key.data, &key.size);
	if (r < 0)
		return r == -EFBIG ? "names a key file that is too large"
				   : "names a key file that cannot be read";
	value[0] = span_of(certificate.data, certificate.size);
	value[1] = span_of(key.data, key.size);
	return token_row_new(row, span_from_string(field[0]), value, NULL, ret_token, ret_result);
}
