/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A change of the key, seen from outside: what is asked of the gateway, what stands in the
 * credential store before and after, and a change that was stopped half way. The gateway is a
 * thread that answers; systemd-creds is a script that turns letters round.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctl/key.h"

#define CALLS_MAX 4

struct bed {
	char directory[64], socket[96], credentials[96], program[96];
	struct credential_store store;
	int fd;
	pthread_t thread;
	const char *status[CALLS_MAX], *body[CALLS_MAX]; /* answers */
	char asked[CALLS_MAX][1024];
	/* what stood in the store when the order came */
	bool next_at_order;
	unsigned calls;
	char *out, *err;
	size_t out_size, err_size;
};

/* "--with-key=host" and the name are the first line; what is not made for that name does not open.
 */
static const char SCRIPT[] =
	"#!/bin/sh\n"
	"case $1 in\n"
	"encrypt) echo \"$2 $3\"; tr a-z0-9 n-za-m5-90-4 ;;\n"
	"decrypt) read -r with name <\"$3\"; [ \"$name\" = \"$2\" ] || exit 1\n"
	"	tail -n +2 \"$3\" | tr n-za-m5-90-4 a-z0-9 ;;\n"
	"esac\n";

static void write_text(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	assert_non_null(bed);
	strcpy(bed->directory, "/tmp/test-key-XXXXXX");
	assert_non_null(mkdtemp(bed->directory));
	snprintf(bed->socket, sizeof(bed->socket), "%s/socket", bed->directory);
	snprintf(bed->credentials, sizeof(bed->credentials), "%s/store", bed->directory);
	snprintf(bed->program, sizeof(bed->program), "%s/creds", bed->directory);
	write_text(bed->program, SCRIPT, 0700);
	bed->store = (struct credential_store){bed->credentials, bed->program};
	*state = bed;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct bed *bed = *state;

	nftw(bed->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(bed->out);
	free(bed->err);
	free(bed);
	return 0;
}

static bool is_complete(const char *request)
{
	const char *end = strstr(request, "\r\n\r\n");
	const char *length = strcasestr(request, "Content-Length: ");

	return end && (!length || strlen(end + 4) >= strtoul(length + 16, NULL, 10));
}

static void serve(struct bed *bed, int fd)
{
	char *request = bed->asked[bed->calls], answer[512];
	size_t used = 0;
	ssize_t count;

	while ((count = read(fd, request + used, sizeof(bed->asked[0]) - 1 - used)) > 0) {
		used += (size_t)count;
		request[used] = '\0';
		if (!is_complete(request))
			continue;
		if (!strncmp(request, "POST", 4))
			bed->next_at_order = credential_exists(&bed->store, "gatehouse.kek-next");
		snprintf(answer, sizeof(answer),
			"HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
			bed->status[bed->calls], strlen(bed->body[bed->calls]),
			bed->body[bed->calls]);
		count = write(fd, answer, strlen(answer));
		bed->calls++;
		return;
	}
}

static void *run_gateway(void *userdata)
{
	struct bed *bed = userdata;
	int fd;

	while ((fd = accept(bed->fd, NULL, NULL)) >= 0) {
		if (bed->calls < CALLS_MAX && bed->body[bed->calls])
			serve(bed, fd);
		close(fd);
	}
	return NULL;
}

/* The first answer is the status, the second that of the order. */
static int change(struct bed *bed, const char *key, const char *status, const char *to)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct invocation invocation = {0};
	struct client *client = NULL;
	struct ctl ctl = {.invocation = &invocation};
	char first[200];
	int code;

	snprintf(first, sizeof(first), "{\"key\":%s}", key);
	bed->status[0] = "200 OK";
	bed->body[0] = first;
	bed->status[1] = status;
	bed->body[1] = status ? "{\"result\":\"done\",\"text\":\"\"}" : NULL;
	bed->calls = 0;
	bed->next_at_order = false;
	memset(bed->asked, 0, sizeof(bed->asked));
	free(bed->out);
	free(bed->err);
	ctl.out = open_memstream(&bed->out, &bed->out_size);
	ctl.err = open_memstream(&bed->err, &bed->err_size);
	unlink(bed->socket);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", bed->socket);
	bed->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(bed->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(bed->fd, 8), 0);
	assert_int_equal(pthread_create(&bed->thread, NULL, run_gateway, bed), 0);
	assert_int_equal(client_new(bed->socket, &client), 0);
	ctl.client = client;
	code = key_change(&ctl, &bed->store, to);
	client_free(client);
	shutdown(bed->fd, SHUT_RDWR);
	pthread_join(bed->thread, NULL);
	close(bed->fd);
	fclose(ctl.out);
	fclose(ctl.err);
	return code;
}

static void assert_credential(struct bed *bed, const char *name, const char *end)
{
	char text[CREDENTIAL_TEXT_MAX + 1], why[256];

	assert_int_equal(credential_get(&bed->store, name, text, why, sizeof(why)), 0);
	assert_int_equal(strlen(text), 64 + strlen(end));
	assert_string_equal(text + 64, end);
}

/* The key in the order is the one in the store. */
static void assert_same_key(struct bed *bed)
{
	char text[CREDENTIAL_TEXT_MAX + 1], why[256];

	assert_int_equal(credential_get(&bed->store, "gatehouse.kek", text, why, sizeof(why)), 0);
	assert_non_null(strstr(bed->asked[1], text));
}

static void test_change(void **state)
{
	struct bed *bed = *state;
	struct stat st;
	char path[160];

	assert_int_equal(change(bed, "{\"source\":\"key file\"}", "200 OK", "host"), EXIT_DONE);
	assert_true(bed->next_at_order);
	assert_non_null(strstr(bed->asked[1], "POST /api/v1/key "));
	assert_non_null(strstr(bed->asked[1], "\"source\":\"host\""));
	assert_false(credential_exists(&bed->store, "gatehouse.kek-next"));
	assert_credential(bed, "gatehouse.kek", " host");
	assert_same_key(bed);
	snprintf(path, sizeof(path), "%s/gatehouse.kek", bed->credentials);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* Up, and down by an order. */
	assert_int_equal(change(bed, "{\"source\":\"host\",\"next\":true}", "200 OK", "tpm2+host"),
		EXIT_DONE);
	assert_credential(bed, "gatehouse.kek", " tpm2+host");
	assert_same_key(bed);
	assert_int_equal(change(bed, "{\"source\":\"tpm2+host\"}", "200 OK", "file"), EXIT_DONE);
	assert_non_null(strstr(bed->asked[1], "{\"source\":\"file\"}"));
	assert_false(credential_exists(&bed->store, "gatehouse.kek"));
	assert_int_equal(change(bed, "{}", "200 OK", "tpm"), EXIT_USAGE);
	assert_int_equal(bed->calls, 0);
}

static void test_refused(void **state)
{
	struct bed *bed = *state;
	char before[CREDENTIAL_TEXT_MAX + 1], after[CREDENTIAL_TEXT_MAX + 1], why[256];

	assert_int_equal(change(bed, "{\"source\":\"key file\"}", "200 OK", "host"), EXIT_DONE);
	assert_int_equal(credential_get(&bed->store, "gatehouse.kek", before, why, sizeof(why)), 0);
	assert_int_equal(change(bed, "{\"source\":\"host\"}", "507 Full", "host"), EXIT_REFUSED);
	assert_false(credential_exists(&bed->store, "gatehouse.kek-next"));
	assert_int_equal(credential_get(&bed->store, "gatehouse.kek", after, why, sizeof(why)), 0);
	assert_string_equal(before, after);
	/* No answer: both stay, until it is known which one is needed. */
	assert_int_equal(change(bed, "{\"source\":\"host\"}", NULL, "host"), EXIT_UNREACHABLE);
	assert_true(credential_exists(&bed->store, "gatehouse.kek-next"));
	assert_non_null(strstr(bed->err, "run this again"));
}

/* The one before was stopped after the gateway had taken the new key, or before. */
static void test_stopped_half_way(void **state)
{
	struct bed *bed = *state;
	char why[256], text[CREDENTIAL_TEXT_MAX + 1];
	static const char NEW[] =
		"aa02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1faa host";

	assert_int_equal(change(bed, "{\"source\":\"key file\"}", "200 OK", "host"), EXIT_DONE);
	assert_int_equal(
		credential_put(&bed->store, "gatehouse.kek-next", "host", NEW, why, sizeof(why)),
		0);
	/* The order is refused, so what is seen is how the one before was ended. */
	assert_int_equal(change(bed, "{\"source\":\"host\",\"next\":true}", "507 Full", "host"),
		EXIT_REFUSED);
	assert_int_equal(credential_get(&bed->store, "gatehouse.kek", text, why, sizeof(why)), 0);
	assert_string_equal(text, NEW);
	assert_int_equal(credential_put(&bed->store, "gatehouse.kek-next", "host", "nobody's", why,
				 sizeof(why)),
		0);
	assert_int_equal(change(bed, "{\"source\":\"host\",\"next\":false}", "507 Full", "host"),
		EXIT_REFUSED);
	assert_int_equal(credential_get(&bed->store, "gatehouse.kek", text, why, sizeof(why)), 0);
	assert_string_equal(text, NEW);
	assert_false(credential_exists(&bed->store, "gatehouse.kek-next"));
}

static void test_program_fails(void **state)
{
	struct bed *bed = *state;

	write_text(bed->program, "#!/bin/sh\nexit 3\n", 0700);
	assert_int_equal(change(bed, "{\"source\":\"key file\"}", "200 OK", "host"), EXIT_REFUSED);
	assert_int_equal(bed->calls, 1);
	assert_non_null(strstr(bed->err, "systemd-creds refused"));
	assert_false(credential_exists(&bed->store, "gatehouse.kek-next"));
	/* Silent, and with nothing to show. */
	write_text(bed->program, "#!/bin/sh\n", 0700);
	assert_int_equal(change(bed, "{\"source\":\"key file\"}", "200 OK", "host"), EXIT_REFUSED);
	/* Without end. */
	write_text(bed->program, "#!/bin/sh\nyes\n", 0700);
	assert_int_equal(change(bed, "{\"source\":\"key file\"}", "200 OK", "host"), EXIT_REFUSED);
	assert_int_equal(unlink(bed->program), 0);
	assert_int_equal(change(bed, "{\"source\":\"key file\"}", "200 OK", "host"), EXIT_REFUSED);
	assert_non_null(strstr(bed->err, "not installed"));
	assert_int_equal(bed->calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped_half_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_program_fails, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
