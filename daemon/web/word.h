/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The API's words as people read them: a mark, a label and a tone, so that no state is told by
 * colour alone. */

enum word_kind {
	WORD_STAGE,
	WORD_TRUST,
	WORD_FOUND,
	WORD_LINK,
	WORD_EVIDENCE,
	WORD_LOST, /* why a reading was given up */
	WORD_ROLE,
	WORD_AWAY,
	WORD_COMMAND,
	WORD_LABEL,
	WORD_WAY,   /* a platform whose devices connect by themselves */
	WORD_REACH, /* what came of knocking at a platform */
	WORD_ADMIT, /* what an authority's word is worth */
	WORD_CREDENTIAL,
	WORD_OPERATION,
	WORD_DURABILITY,
	WORD_ACTION, /* of the journal: enum act_kind, enum audit_deed */
	WORD_RESULT, /* of the journal: enum audit_result */
	WORD_ALARM,
	WORD_END,     /* of a certificate */
	WORD_SESSION, /* of one's own */
	WORD_BROWSER, /* by a mark in what it says of itself; the first that fits */
	WORD_SYSTEM,  /* that it runs on, likewise */
	WORD_KINDS
};

struct word {
	enum word_kind kind;
	const char *word; /* the API's */
	const char *mark; /* one character */
	const char *label;
	const char *tone;   /* class of the style sheet: "good", "wait", "bad", "off", "" */
	const char *remark; /* a sentence, or "" */
};

/* NULL for a word that is not in the table. */
const struct word *word_find(enum word_kind kind, const char *word);
/* The label, or the word itself. */
const char *word_label(enum word_kind kind, const char *word);
/* The n-th of a kind, NULL behind the last one: for lists to choose from. */
const struct word *word_at(enum word_kind kind, unsigned index);
/* The first of a kind whose word stands somewhere in a text of others; NULL when none does. */
const struct word *word_in(enum word_kind kind, const char *text);
