/* SPDX-License-Identifier: Apache-2.0 */
/* Link lists: what is read, what is left out, what is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lan/linkformat.h"

static struct link_list list;

static int parse(const char *text)
{
	size_t size = strlen(text);
	char *copy = malloc(size ? size : 1);

	memcpy(copy, text, size);
	int r = link_list_parse(span_of(copy, size), &list);
	free(copy);
	return r;
}

static void attributes_are_read(void **state)
{
	(void)state;
	assert_int_equal(parse("</info>;rt=\"gatehouse.info\";ct=\"60 50\","
			       "</s/temp>;title=\"a \\\" b, <c>\";if=\"core.s core.b\";ct=110;obs,"
			       "</x>;sz=12"),
		0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.entry[0].path, "/info");
	assert_string_equal(list.entry[0].rt, "gatehouse.info");
	assert_int_equal(list.entry[0].content_format, 60);
	assert_false(list.entry[0].observable);
	assert_string_equal(list.entry[1].path, "/s/temp");
	assert_string_equal(list.entry[1].interface, "core.s core.b");
	assert_int_equal(list.entry[1].content_format, 110);
	assert_true(list.entry[1].observable);
	assert_int_equal(list.entry[2].content_format, -1);
	assert_string_equal(list.entry[2].rt, "");
}

/* RFC 9176 9.3: the first that fits counts; it is somebody else's business whether it is a name. */
static void the_name_of_the_endpoint(void **state)
{
	static const struct {
		const char *text, *ep;
	} rows[] = {
		{"</a>;rt=x", ""},
		{"</>;ep=\"lamp-1\",</a>", "lamp-1"},
		{"</a>,</b>;ep=lamp-2;rt=x,</c>;ep=lamp-3", "lamp-2"},
		{"</a>;ep", ""},
		{"</a>;ep=\"\x7f\",</b>;ep=c", "c"},
		{"</a>;ep=\"0123456789012345678901234567890123456789012345678901234567890123\"",
			""},
		{"<coap://elsewhere/>;ep=\"lamp-4\"", "lamp-4"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(rows[i].text), 0);
		assert_string_equal(list.ep, rows[i].ep);
	}
}

static void words_are_found(void **state)
{
	(void)state;
	assert_int_equal(parse("</a>;rt=\"x.one x.two\",</b>;rt=x.two;if=core.s"), 0);
	assert_string_equal(link_list_by_rt(&list, "x.two")->path, "/a");
	assert_string_equal(link_list_by_rt(&list, "x.one")->path, "/a");
	assert_null(link_list_by_rt(&list, "x.on"));
	assert_null(link_list_by_rt(&list, "x"));
	assert_string_equal(link_list_by_interface(&list, "core.s")->path, "/b");
	assert_null(link_list_by_interface(&list, "core.a"));
}

static void first_attribute_counts(void **state)
{
	(void)state;
	assert_int_equal(parse("</a>;rt=one;rt=two;ct=0;ct=50"), 0);
	assert_string_equal(list.entry[0].rt, "one");
	assert_int_equal(list.entry[0].content_format, 0);
	/* JSON is for who says that alone. */
	assert_int_equal(parse("</a>;ct=\"50 60\",</b>;ct=50,</c>;ct=\"50 110\",</d>;ct=\"110 60\","
			       "</e>;ct=\"50 x 60\""),
		0);
	assert_int_equal(list.entry[0].content_format, 60);
	assert_int_equal(list.entry[1].content_format, 50);
	assert_int_equal(list.entry[2].content_format, 50);
	assert_int_equal(list.entry[3].content_format, 110);
	assert_int_equal(list.entry[4].content_format, 50);
}

static void targets_stay_here(void **state)
{
	static const char *const foreign[] = {"<coap://h/a>", "<//h/a>", "<coap:a>", "</a/../b>",
		"</..>", "</.>", "</a/.>", "<http://x>", "<../a>", "<//>"};
	static const char *const own[][2] = {{"<a/b>", "/a/b"}, {"</a?x=1>", "/a?x=1"}, {"<>", "/"},
		{"</>", "/"}, {"</a/.well>", "/a/.well"}, {"</a:b>", "/a:b"},
		{"</.well-known/core>", "/.well-known/core"}, {"<a?u=b:c>", "/a?u=b:c"}};

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		assert_int_equal(parse(foreign[i]), 0);
		if (list.count != 0)
			fail_msg("%s was kept as %s", foreign[i], list.entry[0].path);
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		assert_int_equal(parse(own[i][0]), 0);
		assert_int_equal(list.count, 1);
		assert_string_equal(list.entry[0].path, own[i][1]);
	}
}

static void broken_lists_are_refused(void **state)
{
	static const char *const broken[] = {"a", "<", "<a", "</a>;", "</a>;=1", "</a>,",
		"</a>,,</b>", ",</a>", "</a> </b>", "</a>;rt=\"x", "</a>;rt=\"x\\", "</a\x01>",
		"</a>;rt=\"\x01\"", "</\xc3\xa4>", "</a>;rt=\"a\"b", "</a>;x=<y>"};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		if (parse(broken[i]) != -EBADMSG)
			fail_msg("%s was taken", broken[i]);
}

static void limits_hold(void **state)
{
	char text[8192] = "";
	size_t used = 0;

	(void)state;
	for (int i = 0; i < LINKS_MAX; i++)
		used += (size_t)sprintf(text + used, "%s</%d>", i ? "," : "", i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(list.count, LINKS_MAX);
	strcat(text, ",</more>");
	assert_int_equal(parse(text), -EMSGSIZE);
	memset(text, ' ', 4096);
	text[4096] = '\0';
	assert_int_equal(parse(text), 0);
	strcat(text, " ");
	assert_int_equal(parse(text), -EMSGSIZE);
	for (int size = 126; size <= 128; size++) {
		sprintf(text, "</%0*d>", size - 1, 0);
		assert_int_equal(parse(text), size <= 127 ? 0 : -EMSGSIZE);
	}
	for (int size = 64; size <= 65; size++) {
		sprintf(text, "</a>;rt=\"%0*d\"", size, 0);
		assert_int_equal(parse(text), size <= 64 ? 0 : -EMSGSIZE);
	}
}

static void failure_leaves_the_list(void **state)
{
	(void)state;
	assert_int_equal(parse("</kept>"), 0);
	assert_int_equal(parse("</new>,<"), -EBADMSG);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.entry[0].path, "/kept");
	assert_int_equal(parse(""), 0);
	assert_int_equal(list.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_read),
		cmocka_unit_test(the_name_of_the_endpoint),
		cmocka_unit_test(words_are_found),
		cmocka_unit_test(first_attribute_counts),
		cmocka_unit_test(targets_stay_here),
		cmocka_unit_test(broken_lists_are_refused),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(failure_leaves_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
