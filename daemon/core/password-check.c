/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Is this long password one of the first that a guesser tries? It is, when
 *
 *   - it repeats one character or a short group;
 *   - it runs along the keyboard, the alphabet or the digits;
 *   - common texts, common words, the words of this product and the person's own name, with digits
 *     and signs between and around them, cover the whole of it: one unusual word is enough to pass.
 *
 * Upper and lower case, spaces inside words and the usual stand-ins (0 for o, @ for a ...) make no
 * difference. Digits alone pass unless they are a run or a repetition. The lists are in
 * password-list.c.
 */

#include "core/password-list.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "core/person.h"

#define PERIOD_MAX 8 /* longest group whose repetition is refused */
#define RUN_MIN	   3 /* shortest part of a run that counts */
#define RUN_WORD   4 /* from here on a part of letters is as good as a word */

/* How a place in the password can be reached from its beginning. */
enum reach {
	REACH_RUNS = 1,	 /* by runs alone */
	REACH_WORDS = 2, /* with at least one word */
	REACH_SIGNS = 4, /* by digits, signs and short runs */
};

static bool is_letter(char c)
{
	/* Bytes of UTF-8 are letters here: what they spell is not in our lists. */
	return isalpha((unsigned char)c) || ((unsigned char)c & 0x80);
}

/* Is the character of the password the letter of the word, or its usual stand-in? */
static bool stands_for(char c, char letter)
{
	static const char pairs[][3] = {
		"0o", "1i", "1l", "!i", "3e", "4a", "@a", "5s", "$s", "7t", "+t", "8b", "9g"};

	if (c == letter)
		return true;
	for (size_t i = 0; i < ELEMENTS(pairs); i++)
		if (c == pairs[i][0] && letter == pairs[i][1])
			return true;
	return false;
}

static bool is_repetition(const char *text, size_t size)
{
	for (size_t period = 1; period <= PERIOD_MAX; period++) {
		size_t i = period;

		while (i < size && text[i] == text[i - period])
			i++;
		if (i == size)
			return true;
	}
	return false;
}

/* Length of the word at the front of the text, spaces of the text passed over; 0 = not there. */
static size_t match_word(const char *text, const char *word)
{
	size_t at = 0;

	for (; *word; word++, at++) {
		while (at > 0 && text[at] && strchr(" -_.,'", text[at]))
			at++;
		if (!stands_for(text[at], *word))
			return 0;
	}
	return at;
}

/* Length of the longest part of a run at the front of the text, in either direction. */
static size_t match_run(const char *text, const char *run)
{
	size_t size = strlen(run), best = 0;

	for (size_t i = 0; i < size; i++) {
		size_t up = 0, down = 0;

		while (i + up < size && text[up] && text[up] == run[i + up])
			up++;
		while (down <= i && text[down] && text[down] == run[i - down])
			down++;
		if (up > best)
			best = up;
		if (down > best)
			best = down;
	}
	return best >= RUN_MIN ? best : 0;
}

static void step_words(
	const char *text, size_t at, const char *const *words, size_t count, uint8_t *reached)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = match_word(text + at, words[i]);

		if (size > 0)
			reached[at + size] |= REACH_WORDS;
	}
}

static void step_runs(const char *text, size_t at, uint8_t *reached)
{
	size_t count;
	const char *const *runs = password_runs(&count);

	for (size_t i = 0; i < count; i++) {
		size_t best = match_run(text + at, runs[i]);

		for (size_t size = RUN_MIN; size <= best; size++) {
			reached[at + size] |= reached[at];
			if (size >= RUN_WORD && is_letter(text[at]))
				reached[at + size] |= REACH_WORDS;
		}
	}
}

/* 'text' is in lower case. Walks over all ways to take it apart at once. */
static bool is_made_of_common_parts(const char *text, size_t size, const char *name)
{
	uint8_t reached[PASSWORD_MAX + 1] = {REACH_RUNS | REACH_SIGNS};
	size_t words_count, texts_count;
	const char *const *words = password_common_words(&words_count);
	const char *const *texts = password_common_texts(&texts_count);

	for (size_t at = 0; at < size; at++) {
		if (!reached[at])
			continue;
		step_words(text, at, words, words_count, reached);
		step_words(text, at, texts, texts_count, reached);
		step_words(text, at, &name, name[0] ? 1 : 0, reached);
		step_runs(text, at, reached);
		if (!is_letter(text[at]))
			reached[at + 1] |= reached[at] & (REACH_WORDS | REACH_SIGNS);
	}
	return reached[size] & (REACH_RUNS | REACH_WORDS);
}

bool password_is_common(const char *password, const char *name, const char **ret_why)
{
	char text[PASSWORD_MAX + 1], lower_name[PERSON_NAME_MAX + 1];
	size_t size = strlen(password), name_size = strlen(name);
	bool common = false;

	if (size > PASSWORD_MAX || name_size > PERSON_NAME_MAX)
		return false;
	for (size_t i = 0; i <= size; i++)
		text[i] = (char)tolower((unsigned char)password[i]);
	for (size_t i = 0; i <= name_size; i++)
		lower_name[i] = (char)tolower((unsigned char)name[i]);
	if (is_repetition(text, size)) {
		*ret_why = "The password repeats a short group of characters.";
		common = true;
	} else if (is_made_of_common_parts(text, size, lower_name)) {
		*ret_why = "The password is made of words and rows of keys that are tried first. "
			   "Take a few words that do not belong together.";
		common = true;
	}
	crypto_wipe(text, sizeof(text));
	return common;
}
