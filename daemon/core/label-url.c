/* SPDX-License-Identifier: Apache-2.0 */

/* Both texts are secrets: what they were made in is wiped, and so is one that does not fit. */

#include "core/label-url.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

/* The last 28 characters that count; those in front of them are "GH1" and, in a QR text, the name.
 * label_read() has seen that they are there. */
static void characters_of(struct span code, char ret_text[LABEL_CODE_SIZE])
{
	size_t left = LABEL_CODE_SIZE;

	while (left > 0 && code.size > 0) {
		int c = toupper(code.data[--code.size]);

		if (isspace(c) || c == '-')
			continue;
		ret_text[--left] = (char)(c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c);
	}
}

int label_code_to_qr(struct span code, const char *ep, char ret_qr[LABEL_QR_SIZE])
{
	CLEANUP(label_clear) struct label label = {0};
	enum label_verdict verdict;
	char text[LABEL_CODE_SIZE];
	int r = label_read(code, ep, &label, &verdict);

	if (r < 0 || verdict != LABEL_TAKEN)
		return r < 0 ? r : -EINVAL;
	characters_of(code, text);
	snprintf(ret_qr, LABEL_QR_SIZE, "GH1:%s:%.*s", ep, LABEL_CODE_SIZE, text);
	crypto_wipe(text, sizeof(text));
	return 0;
}

/* RFC 3986, fragment; and nothing that a shell or a reader of codes trips over. */
static bool stands_for_itself(char c)
{
	return isalnum((unsigned char)c) || strchr("-._~:/@!$()*+,;=", c);
}

int label_write_url(const char *page, const char *qr, char ret_url[LABEL_URL_SIZE])
{
	char url[LABEL_URL_SIZE];
	size_t used = strlen(page);
	int r = 0;

	if (used + 2 > sizeof(url))
		return -EMSGSIZE;
	memcpy(url, page, used);
	url[used++] = '#';
	for (; *qr && r == 0; qr++) {
		if (used + 4 > sizeof(url))
			r = -EMSGSIZE;
		else if (stands_for_itself(*qr))
			url[used++] = *qr;
		else
			used += (size_t)snprintf(
				url + used, 4, "%%%02X", (unsigned)(unsigned char)*qr);
	}
	url[used] = '\0';
	if (r == 0)
		memcpy(ret_url, url, used + 1);
	crypto_wipe(url, sizeof(url));
	return r;
}
