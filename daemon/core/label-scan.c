/* SPDX-License-Identifier: Apache-2.0 */

/* An address is told by "://" before its fragment. What is unescaped is a secret, and wiped. */

#include "core/label-scan.h"

#include <ctype.h>
#include <string.h>

#include "base/crypto.h"

/* What is behind the '#' of an address; the text itself when it is none. */
static struct span fragment_of(struct span text)
{
	const uint8_t *mark = memchr(text.data, '#', text.size);
	const uint8_t *scheme = memmem(text.data, text.size, "://", 3);

	if (text.size < 3 || !strncasecmp((const char *)text.data, "GH1", 3) || !mark || !scheme ||
		scheme > mark)
		return text;
	return span_of(mark + 1, text.size - (size_t)(mark - text.data) - 1);
}

static bool is_address(struct span text)
{
	return fragment_of(text).data != text.data;
}

static int digit_of(uint8_t c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower(c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "%3A" is ':'; whatever is no escape stands for itself. */
static size_t unescape(struct span text, char *ret_text)
{
	size_t size = 0;

	for (size_t i = 0; i < text.size; i++) {
		int high = -1, low = -1;

		if (text.data[i] == '%' && i + 2 < text.size) {
			high = digit_of(text.data[i + 1]);
			low = digit_of(text.data[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			ret_text[size++] = (char)(high << 4 | low);
			i += 2;
		} else {
			ret_text[size++] = (char)text.data[i];
		}
	}
	return size;
}

/* Letters of a short code may be G, H and L: what is as short as that is none of ours. */
#define SHORTEST 20

bool label_is_scan(struct span text)
{
	char start[3] = "";
	size_t used = 0;

	text = fragment_of(text);
	for (size_t i = 0; i < text.size; i++) {
		if (isspace(text.data[i]) || text.data[i] == '-')
			continue;
		if (used < sizeof(start))
			start[used] = (char)toupper(text.data[i]);
		used++;
	}
	return used >= sizeof(start) && start[0] == 'G' && start[1] == 'H' &&
	       (start[2] == '1' || (used > SHORTEST && (start[2] == 'I' || start[2] == 'L')));
}

int label_scan(
	struct span text, const char *ep, struct label *ret_label, enum label_verdict *ret_verdict)
{
	char plain[LABEL_SCAN_MAX];
	size_t size;
	int r;

	if (!is_address(text))
		return label_read(text, ep, ret_label, ret_verdict);
	text = fragment_of(text);
	if (text.size > sizeof(plain)) {
		*ret_verdict = LABEL_FOREIGN;
		return 0;
	}
	size = unescape(text, plain);
	r = label_read(span_of(plain, size), ep, ret_label, ret_verdict);
	crypto_wipe(plain, sizeof(plain));
	return r;
}
