/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The terminal's echo is off while a password is typed, and on again afterwards whatever happens:
 * the signals that would end us in between wait until then. Streams are not buffered here, so that
 * no copy of the password stays in stdio's memory.
 */

#include "ctl/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crypto.h"

DEFINE_CLEANUP(FILE *, fclose, cleanup_file)

int secret_read_line(FILE *in, char *ret_secret)
{
	char line[SECRET_LINE_MAX + 1];
	size_t size = 0;
	int c, r = 0;

	while ((c = fgetc(in)) != EOF && c != '\n') {
		if (size == SECRET_LINE_MAX) {
			r = -EMSGSIZE;
			break;
		}
		line[size++] = (char)c;
	}
	if (size > 0 && line[size - 1] == '\r')
		size--;
	line[size] = '\0';
	if (r == 0 && size == 0)
		r = -ENODATA;
	/* A NUL would cut what the person believes to be the password. */
	if (r == 0 && strlen(line) != size)
		r = -EILSEQ;
	if (r == 0)
		memcpy(ret_secret, line, size + 1);
	crypto_wipe(line, sizeof(line));
	return r;
}

static int ask(FILE *terminal, const char *prompt, char *ret_secret)
{
	struct termios before, silent;
	sigset_t blocked, old;
	int fd = fileno(terminal), r;

	if (tcgetattr(fd, &before) < 0)
		return -errno;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGTSTP);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	fputs(prompt, terminal);
	tcsetattr(fd, TCSAFLUSH, &silent);
	r = secret_read_line(terminal, ret_secret);
	tcsetattr(fd, TCSAFLUSH, &before);
	fputc('\n', terminal);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

static int read_terminal(FILE *terminal, enum secret_kind kind, char *ret_secret)
{
	char again[SECRET_LINE_MAX + 1] = "";
	bool twice = kind == SECRET_PASSWORD;
	int r = ask(terminal, twice ? "Password: " : "Recovery phrase: ", ret_secret);

	if (r == 0 && twice)
		r = ask(terminal, "Once more: ", again);
	if (r == 0 && twice && strcmp(ret_secret, again))
		r = -EKEYREJECTED;
	if (r < 0)
		crypto_wipe(ret_secret, SECRET_LINE_MAX + 1);
	crypto_wipe(again, sizeof(again));
	return r;
}

static int read_from(const char *path, enum secret_kind kind, char *ret_secret)
{
	CLEANUP(cleanup_file) FILE *opened = NULL;
	bool terminal = !path && isatty(STDIN_FILENO), standard = path && !strcmp(path, "-");
	FILE *in = stdin;

	if (terminal || (path && !standard)) {
		in = opened = terminal ? fopen("/dev/tty", "r+e") : fopen(path, "re");
		if (!opened)
			return -errno;
	}
	setvbuf(in, NULL, _IONBF, 0);
	return terminal ? read_terminal(in, kind, ret_secret) : secret_read_line(in, ret_secret);
}

int secret_read(
	const char *path, enum secret_kind kind, char *ret_secret, char *ret_why, size_t capacity)
{
	const char *what = kind == SECRET_PASSWORD ? "password" : "recovery phrase";
	const char *from = path ? path : isatty(STDIN_FILENO) ? "the terminal" : "standard input";
	int r = read_from(path, kind, ret_secret);

	if (r == -ENODATA)
		snprintf(ret_why, capacity, "The %s from %s is empty.", what, from);
	else if (r == -EMSGSIZE)
		snprintf(ret_why, capacity, "The %s from %s is longer than %d bytes.", what, from,
			SECRET_LINE_MAX);
	else if (r == -EKEYREJECTED)
		snprintf(ret_why, capacity, "The two passwords are not the same.");
	else if (r < 0)
		snprintf(ret_why, capacity, "The %s cannot be read from %s: %s.", what, from,
			strerror(-r));
	return r;
}
