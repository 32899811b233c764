/* SPDX-License-Identifier: Apache-2.0 */

/* Two rows of modules make one line of the terminal: an upper half block in the colour of the upper
 * module on the colour of the lower one. The quiet zone of 4 modules belongs to the code. */

#include "ctl/qr.h"

#include <errno.h>
#include <qrencode.h>
#include <stdbool.h>

#include "base/cleanup.h"

#define QUIET 4

DEFINE_CLEANUP(QRcode *, QRcode_free, cleanup_qr)

static bool is_dark(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return false;
	return code->data[y * code->width + x] & 1;
}

int qr_print(const char *text, FILE *out)
{
	CLEANUP(cleanup_qr)
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);

	if (!code)
		return errno == ERANGE ? -EMSGSIZE : -ENOMEM;
	for (int y = -QUIET; y < code->width + QUIET; y += 2) {
		for (int x = -QUIET; x < code->width + QUIET; x++)
			fprintf(out, "\033[%d;%dm\342\226\200", is_dark(code, x, y) ? 30 : 97,
				is_dark(code, x, y + 1) ? 40 : 107);
		fputs("\033[0m\n", out);
	}
	return 0;
}
