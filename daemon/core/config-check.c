/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The look before the parse. libconfuse either stops at an unknown key or passes it over without a
 * word, and it takes much broken text silently (an open quote at the end of the file, stray
 * characters, ${NAME} from the environment). So the whole syntax is checked here first, strictly:
 *
 *   file    = { name "{" { name "=" value } "}" }
 *   value   = text | "{" [ text { "," text } ] "}"
 *   text    = bare word | "quoted" | 'quoted'          comments: # and // to the line's end
 *
 * What is unknown but well-formed is warned about and blanked out, as are comments, so that
 * libconfuse sees only what the table knows and its own opinion on the rest does not matter.
 */

#include "core/config-check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/span.h"

#define MESSAGE_SIZE 512
#define NAME_SIZE    48 /* of a name in a message */
#define SECTIONS_MAX 16

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_SIGN };

struct token {
	enum token_kind kind;
	char sign; /* TOKEN_SIGN: one of = { } , */
	size_t start, end;
	unsigned line;
};

struct scanner {
	const char *path;
	char *text;
	size_t size, at;
	unsigned line;
	config_message_fn message;
	void *userdata;
	const struct config_key *keys;
	size_t count;
	unsigned repeats;
	struct config_mark *marks;
	unsigned seen[SECTIONS_MAX]; /* occurrences so far, by number of the section */
};

__attribute__((format(printf, 4, 5))) static int say(
	struct scanner *scanner, int level, unsigned line, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	int used = snprintf(text, sizeof(text), "%.250s:%u: ", scanner->path, line);
	va_list list;

	va_start(list, format);
	vsnprintf(text + used, sizeof(text) - (size_t)used, format, list);
	va_end(list);
	scanner->message(scanner->userdata, level, text);
	return -EINVAL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* libconfuse's bare words, without '$': it puts the environment in for ${...}. */
static bool is_word(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && !strchr("#\"'={}()+,*$", c);
}

static bool starts(const struct scanner *scanner, const char *what)
{
	size_t size = strlen(what);

	return scanner->size - scanner->at >= size &&
	       !memcmp(scanner->text + scanner->at, what, size);
}

/* Comments are blanked out: libconfuse mistakes some of them. */
static void skip_space(struct scanner *scanner)
{
	bool comment = false;

	for (; scanner->at < scanner->size; scanner->at++) {
		char c = scanner->text[scanner->at];

		if (c == '\n') {
			scanner->line++;
			comment = false;
		} else if (!comment && (c == '#' || starts(scanner, "//"))) {
			comment = true;
			scanner->text[scanner->at] = ' ';
		} else if (comment) {
			scanner->text[scanner->at] = ' ';
		} else if (!is_space(c)) {
			return;
		}
	}
}

static int quoted_next(struct scanner *scanner, struct token *token)
{
	char quote = scanner->text[scanner->at];
	const char *escapes = quote == '"' ? "\\\"'$" : "\\'";

	for (size_t i = scanner->at + 1; i < scanner->size; i++) {
		char c = scanner->text[i];

		if (c == quote) {
			token->kind = TOKEN_QUOTED;
			token->end = scanner->at = i + 1;
			return 0;
		}
		if ((unsigned char)c < ' ' || c == 0x7f)
			break;
		if (c == '$' && quote == '"' && i + 1 < scanner->size &&
			scanner->text[i + 1] == '{')
			return say(scanner, LOG_ERR, token->line,
				"the environment is not put in for \"${...}\"; allowed: \"\\${\" "
				"for "
				"the characters themselves");
		if (c != '\\')
			continue;
		if (++i >= scanner->size || !scanner->text[i] || !strchr(escapes, scanner->text[i]))
			return say(scanner, LOG_ERR, token->line,
				"unknown escape in a quoted text; allowed: \\ before one of %s",
				escapes);
	}
	return say(scanner, LOG_ERR, token->line,
		"a quoted text does not end; allowed: texts that end on their line");
}

static int token_next(struct scanner *scanner, struct token *ret_token)
{
	struct token token = {.kind = TOKEN_END};
	char c;
	int r = 0;

	skip_space(scanner);
	token.line = scanner->line;
	token.start = token.end = scanner->at;
	if (scanner->at == scanner->size) {
		*ret_token = token;
		return 0;
	}
	c = scanner->text[scanner->at];
	if (c == '"' || c == '\'') {
		r = quoted_next(scanner, &token);
	} else if (c && strchr("={},", c)) {
		token.kind = TOKEN_SIGN;
		token.sign = c;
		token.end = ++scanner->at;
	} else if (is_word(c) && !starts(scanner, "/*")) {
		while (scanner->at < scanner->size && is_word(scanner->text[scanner->at]))
			scanner->at++;
		token.kind = TOKEN_WORD;
		token.end = scanner->at;
	} else {
		char shown[8];

		r = say(scanner, LOG_ERR, token.line, "unexpected character '%s'; allowed: %s",
			span_to_safe_text(span_of(&c, 1), shown, sizeof(shown)),
			"sections in braces, key = value, comments after #");
	}
	if (r == 0)
		*ret_token = token;
	return r;
}

static int sign_next(struct scanner *scanner, char sign, const char *after, struct token *ret_token)
{
	int r = token_next(scanner, ret_token);

	if (r < 0)
		return r;
	if (ret_token->kind != TOKEN_SIGN || ret_token->sign != sign)
		return say(
			scanner, LOG_ERR, ret_token->line, "expected '%c' after %s", sign, after);
	return 0;
}

static const char *name_of(
	const struct scanner *scanner, const struct token *token, char ret_name[NAME_SIZE])
{
	struct span span = span_of(scanner->text + token->start, token->end - token->start);

	return span_to_safe_text(span, ret_name, NAME_SIZE);
}

static bool token_is(const struct scanner *scanner, const struct token *token, const char *name)
{
	return span_equal(span_of(scanner->text + token->start, token->end - token->start),
		span_from_string(name));
}

static void blank(struct scanner *scanner, size_t start)
{
	for (size_t i = start; i < scanner->at; i++)
		if (scanner->text[i] != '\n')
			scanner->text[i] = ' ';
}

/* What follows the opening brace of something unknown, up to its closing one. */
static int skip_braces(struct scanner *scanner, unsigned line)
{
	struct token token;

	for (unsigned depth = 1; depth > 0;) {
		int r = token_next(scanner, &token);

		if (r < 0)
			return r;
		if (token.kind == TOKEN_END)
			return say(scanner, LOG_ERR, line, "the brace opened here is not closed");
		if (token.kind == TOKEN_SIGN && token.sign == '{')
			depth++;
		if (token.kind == TOKEN_SIGN && token.sign == '}')
			depth--;
	}
	return 0;
}

/* Up to and with the closing brace of a list. */
static int check_list(struct scanner *scanner)
{
	struct token token;
	bool item = false; /* the last token was one */

	for (bool first = true;; first = false) {
		int r = token_next(scanner, &token);

		if (r < 0)
			return r;
		if (token.kind == TOKEN_SIGN && token.sign == '}' && (item || first))
			return 0;
		if (item ? token.kind != TOKEN_SIGN || token.sign != ','
			 : token.kind != TOKEN_WORD && token.kind != TOKEN_QUOTED)
			return say(scanner, LOG_ERR, token.line,
				"not a list; allowed: { \"a\", \"b\" }");
		item = !item;
	}
}

/* After "name =". 'key' is NULL for what is unknown. */
static int check_value(
	struct scanner *scanner, const struct config_key *key, const struct token *name)
{
	char shown[NAME_SIZE];
	struct token token;
	int r = token_next(scanner, &token);

	if (r < 0)
		return r;
	if (token.kind == TOKEN_WORD || token.kind == TOKEN_QUOTED)
		return 0;
	if (token.kind != TOKEN_SIGN || token.sign != '{')
		return say(scanner, LOG_ERR, token.line, "expected a value after \"%s =\"",
			name_of(scanner, name, shown));
	if (key && key->type != CONFIG_LIST)
		return say(scanner, LOG_ERR, token.line,
			"%s.%s: a list stands here; allowed: one value", key->section, key->key);
	return key ? check_list(scanner) : skip_braces(scanner, token.line);
}

static void list_names(
	const struct scanner *scanner, const char *section, char *ret_text, size_t capacity)
{
	const char *last = "";
	size_t used = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < scanner->count && used < capacity; i++) {
		const struct config_key *key = &scanner->keys[i];
		const char *name = section ? key->key : key->section;

		if ((section && strcmp(section, key->section)) || !strcmp(name, last))
			continue;
		used += (size_t)snprintf(
			ret_text + used, capacity - used, "%s%s", used ? ", " : "", name);
		last = name;
	}
}

/* One "key = value" or something unknown inside the section whose first row is 'first'. */
static int check_key(
	struct scanner *scanner, size_t first, unsigned occurrence, const struct token *name)
{
	const char *section = scanner->keys[first].section;
	char shown[NAME_SIZE], known[MESSAGE_SIZE / 2];
	const struct config_key *key = NULL;
	struct config_mark *mark = NULL;
	struct token token;
	int r;

	for (size_t i = first; i < scanner->count && !strcmp(scanner->keys[i].section, section);
		i++)
		if (token_is(scanner, name, scanner->keys[i].key)) {
			key = &scanner->keys[i];
			mark = scanner->repeats ? &scanner->marks[i * scanner->repeats + occurrence]
						: &scanner->marks[i];
		}
	name_of(scanner, name, shown);
	r = token_next(scanner, &token);
	if (r < 0)
		return r;
	if (!key && token.kind == TOKEN_SIGN && token.sign == '{')
		r = skip_braces(scanner, token.line);
	else if (token.kind != TOKEN_SIGN || token.sign != '=')
		return say(
			scanner, LOG_ERR, token.line, "expected '=' after %s.%s", section, shown);
	else
		r = check_value(scanner, key, name);
	if (r < 0)
		return r;
	if (!key) {
		blank(scanner, name->start);
		list_names(scanner, section, known, sizeof(known));
		say(scanner, LOG_WARNING, name->line,
			"%s.%s: unknown key, passed over; known ones: %s", section, shown, known);
		return 0;
	}
	if (mark->line)
		say(scanner, LOG_WARNING, name->line,
			"%s.%s: set twice; the value of line %u is passed over", section, shown,
			mark->line);
	*mark = (struct config_mark){.line = name->line, .occurrence = occurrence};
	return 0;
}

static int check_section(struct scanner *scanner, size_t first, unsigned number, unsigned line)
{
	unsigned occurrence = scanner->seen[number]++;
	struct token token;

	if (scanner->repeats && occurrence >= scanner->repeats)
		return say(scanner, LOG_ERR, line, "too many sections %s; allowed: %u",
			scanner->keys[first].section, scanner->repeats);
	for (;;) {
		int r = token_next(scanner, &token);

		if (r < 0)
			return r;
		if (token.kind == TOKEN_SIGN && token.sign == '}')
			return 0;
		if (token.kind == TOKEN_END)
			return say(scanner, LOG_ERR, line, "the section opened here is not closed");
		if (token.kind != TOKEN_WORD)
			return say(scanner, LOG_ERR, token.line,
				"expected a key or '}' in section %s",
				scanner->keys[first].section);
		r = check_key(scanner, first, occurrence, &token);
		if (r < 0)
			return r;
	}
}

/* An unknown section, or a key outside of one. */
static int check_unknown(struct scanner *scanner, const struct token *name)
{
	char shown[NAME_SIZE], known[MESSAGE_SIZE / 2];
	struct token token;
	bool section;
	int r;

	name_of(scanner, name, shown);
	r = token_next(scanner, &token);
	if (r < 0)
		return r;
	section = token.kind == TOKEN_SIGN && token.sign == '{';
	if (!section && (token.kind != TOKEN_SIGN || token.sign != '='))
		return say(scanner, LOG_ERR, token.line, "expected '{' after \"%s\"", shown);
	r = section ? skip_braces(scanner, token.line) : check_value(scanner, NULL, name);
	if (r < 0)
		return r;
	blank(scanner, name->start);
	list_names(scanner, NULL, known, sizeof(known));
	say(scanner, LOG_WARNING, name->line, "%s: unknown %s, passed over; known sections: %s",
		shown, section ? "section" : "key outside of a section", known);
	return 0;
}

static int check_item(struct scanner *scanner, const struct token *name)
{
	unsigned number = 0;
	struct token token;
	int r;

	for (size_t i = 0; i < scanner->count; i++) {
		if (i > 0 && !strcmp(scanner->keys[i].section, scanner->keys[i - 1].section))
			continue;
		if (token_is(scanner, name, scanner->keys[i].section)) {
			r = sign_next(scanner, '{', scanner->keys[i].section, &token);
			return r < 0 ? r : check_section(scanner, i, number, name->line);
		}
		number++;
	}
	return check_unknown(scanner, name);
}

int config_check(const struct config_grammar *grammar, const char *path, char *text, size_t size,
	config_message_fn message, void *userdata, struct config_mark *ret_marks)
{
	struct scanner scanner = {
		.path = path,
		.text = text,
		.size = size,
		.line = 1,
		.message = message,
		.userdata = userdata,
		.keys = grammar->keys,
		.count = grammar->count,
		.repeats = grammar->repeats,
		.marks = ret_marks,
	};
	struct token token;
	int r;

	memset(ret_marks, 0,
		grammar->count * (grammar->repeats ? grammar->repeats : 1) * sizeof(*ret_marks));
	for (;;) {
		r = token_next(&scanner, &token);
		if (r < 0 || token.kind == TOKEN_END)
			return r;
		if (token.kind != TOKEN_WORD)
			return say(&scanner, LOG_ERR, token.line, "expected the name of a section");
		r = check_item(&scanner, &token);
		if (r < 0)
			return r;
	}
}
