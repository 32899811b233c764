/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One QR code is one path of runs of dark modules, in a group that is scaled to its size in
 * millimetres. Text is printable ASCII of names and codes; what XML reads is escaped.
 */

#include "ctl/label-sheet.h"

#include <errno.h>
#include <qrencode.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"

#define COLUMNS	 3
#define MARGIN	 8.0
#define WIDTH	 64.0 /* of a label */
#define HEIGHT	 50.0
#define QR_SIZE	 36.0 /* the quiet zone included */
#define QUIET	 4
#define TEXT_MAX 58.0 /* a longer text is drawn narrower */

static void wiped_free(QRcode *code)
{
	if (code)
		crypto_wipe(code->data, (size_t)code->width * (size_t)code->width);
	QRcode_free(code);
}
DEFINE_CLEANUP(QRcode *, wiped_free, cleanup_qr)

void label_sheet_begin(size_t count, FILE *out)
{
	size_t rows = (count + COLUMNS - 1) / COLUMNS;
	double width = 2 * MARGIN + COLUMNS * WIDTH, height = 2 * MARGIN + (double)rows * HEIGHT;

	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0fmm\" height=\"%.0fmm\""
		" viewBox=\"0 0 %.0f %.0f\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		width, height, width, height);
}

void label_sheet_end(FILE *out)
{
	fputs("</svg>\n", out);
}

static void draw_text(double y, double size, const char *text, FILE *out)
{
	/* A monospaced character is about 0.6 of its size wide. */
	double width = 0.6 * size * (double)strlen(text);

	fprintf(out,
		"<text x=\"%.1f\" y=\"%.1f\" font-family=\"monospace\" font-size=\"%.1f\""
		" text-anchor=\"middle\"",
		WIDTH / 2, y, size);
	if (width > TEXT_MAX)
		fprintf(out, " textLength=\"%.1f\" lengthAdjust=\"spacingAndGlyphs\"", TEXT_MAX);
	fputc('>', out);
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else
			fputc(*text, out);
	}
	fputs("</text>\n", out);
}

static void draw_code(const QRcode *code, FILE *out)
{
	double scale = QR_SIZE / (code->width + 2 * QUIET);

	fprintf(out, "<path transform=\"translate(%.2f 0) scale(%.5f) translate(%d %d)\" d=\"",
		(WIDTH - QR_SIZE) / 2, scale, QUIET, QUIET);
	for (int y = 0; y < code->width; y++)
		for (int x = 0; x < code->width; x++) {
			int run = 0;

			while (x + run < code->width && code->data[y * code->width + x + run] & 1)
				run++;
			if (run)
				fprintf(out, "M%d %dh%dv1h-%dz", x, y, run, run);
			x += run;
		}
	fputs("\"/>\n", out);
}

int label_sheet_add(size_t index, const char *ep, const char *code, const char *qr, FILE *out)
{
	CLEANUP(cleanup_qr) QRcode *drawn = QRcode_encodeString8bit(qr, 0, QR_ECLEVEL_M);
	size_t row = index / COLUMNS, column = index % COLUMNS;

	if (!drawn)
		return errno == ERANGE ? -EMSGSIZE : -ENOMEM;
	fprintf(out, "<g transform=\"translate(%.1f %.1f)\">\n", MARGIN + WIDTH * (double)column,
		MARGIN + HEIGHT * (double)row);
	draw_code(drawn, out);
	draw_text(QR_SIZE + 3.5, 4, ep, out);
	draw_text(QR_SIZE + 8, 3, code, out);
	fputs("</g>\n", out);
	return 0;
}
