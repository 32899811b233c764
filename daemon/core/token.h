/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tokens: what was imported for one endpoint name towards one platform. For the platform 'mqtt' a
 * token is a static credential at the broker: user name and password, or a certificate and its
 * private key; for 'spotflow' it is a provisioning token, whose value are its bytes alone. For
 * 'azure' it is what an individual enrolment knows the device by: a key, its bytes alone, or a
 * certificate and its private key. A device that proved itself may bring its provisioning token
 * along; that one never takes the place of an imported one. They are write-only: what goes in comes
 * out for the platform's driver alone. In memory there are names and dates; a value stands sealed
 * in the store and is fetched for the moment in which it is used.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/device.h"

#define TOKEN_KIND_MAX	    16 /* the name of the platform that it is for */
#define TOKEN_USERNAME_MAX  256
#define TOKEN_PASSWORD_MAX  1024
#define TOKEN_KIND_LOCAL    "local" /* has no tokens; its name stands with the others */
#define TOKEN_KIND_MQTT	    "mqtt"
#define TOKEN_KIND_SPOTFLOW "spotflow"
#define TOKEN_KIND_AZURE    "azure"
#define TOKEN_KIND_AWS	    "aws"
#define TOKEN_PT_MAX	    1024
#define TOKEN_BROUGHT_MAX   512 /* of one that its device hands over */
#define TOKEN_KEY_MAX	    172 /* base64 of 128 bytes */
/* What approves operations, sealed beside them under the name of its platform; no device's. */
#define TOKEN_KIND_OPERATOR "operator"
#define OPERATOR_TOKEN_MAX  2048

struct token {
	struct token *next;
	char kind[TOKEN_KIND_MAX + 1];
	char ep[EP_MAX + 1];
	int64_t since;	     /* wall milliseconds */
	unsigned line;	     /* of the file that it came from, 0 = none */
	bool brought;	     /* by the device itself */
	struct secret value; /* token_value_make(), or the provisioning token itself */
};

/* What is wrong with a name, as a sentence's end, or NULL. */
const char *token_check_name(struct span ep);
/* One line that somebody wants to import: what is wrong with it, as a sentence's end ("has no
 * password"), or NULL. ret_too_long (may be NULL) says that a size was the reason. */
const char *token_check(
	struct span ep, struct span username, struct span password, bool *ret_too_long);
/* -EINVAL for what token_check() objects to, -ENOMEM. */
int token_new(struct span ep, struct span username, struct span password, struct token **ret);
/* The same for a provisioning token, and for a key (base64) of the platform 'azure'. */
const char *token_check_pt(struct span ep, struct span pt, bool *ret_too_long);
bool token_is_pt(struct span value); /* this may be one */
int token_new_pt(struct span ep, struct span pt, struct token **ret);
const char *token_check_key(struct span ep, struct span key, bool *ret_too_long);
int token_new_key(struct span ep, struct span key, struct token **ret);
/* The same for an operator's token of a platform. */
const char *token_check_operator(struct span value, bool *ret_too_long);
int token_new_operator(const char *platform, struct span value, struct token **ret);
/* What a value of bytes alone is called in a file and in the API: "pt", "key"; NULL for a kind that
 * has none such. */
const char *token_word(const char *kind);
/* The same for a certificate, with its chain, and its private key, both in PEM. */
const char *token_check_identity(
	struct span ep, struct span certificate, struct span key, bool *ret_too_long);
int token_new_identity(
	struct span ep, struct span certificate, struct span key, struct token **ret);
/* The same for the platform 'azure', which knows the device by the certificate's common name. */
const char *token_check_x509(
	struct span ep, struct span certificate, struct span key, bool *ret_too_long);
int token_new_x509(struct span ep, struct span certificate, struct span key, struct token **ret);
/* What the provisioning service of 'azure' can know a device by, when its certificate says so. */
bool token_is_registration(const char *name);
struct token *token_free(struct token *token); /* this one; wipes */

/* User name and password as one value, and back; the spans point into 'value'. -EBADMSG for what is
 * no such value. */
int token_value_make(struct span username, struct span password, struct secret *ret_value);
int token_value_read(struct span value, struct span *ret_username, struct span *ret_password);
/* The other form of a value: the identity (base/identity.h) that is in it, and the two parts of
 * that. -EBADMSG for what is no such value. */
int token_value_read_identity(struct span value, struct span *ret_identity);
int token_value_split_identity(
	struct span value, struct span *ret_certificate, struct span *ret_key);

/* Tokens in the order in which they came. All zero is the empty list. */
struct token_list {
	struct token *first, *last;
	size_t count;
};
void token_list_add(struct token_list *list, struct token *token);	/* takes it over */
void token_list_join(struct token_list *list, struct token_list *more); /* empties 'more' */
void token_list_clear(struct token_list *list);				/* wipes */
/* The first name that stands there a second time, or NULL. -ENOMEM. */
int token_list_find_twice(const struct token_list *list, const struct token **ret_second);

/* Which tokens there are: names and dates. All zero is the empty set. */
struct token_name {
	char kind[TOKEN_KIND_MAX + 1];
	char ep[EP_MAX + 1];
	int64_t since;
	bool brought;
};
struct token_names {
	struct token_name *name; /* sorted up to 'sorted' */
	size_t count, sorted, room;
};
/* Room for so many names in all, so that token_names_put() cannot fail. */
int token_names_reserve(struct token_names *names, size_t count);
int token_names_put(struct token_names *names, const char *kind, const char *ep, int64_t since);
/* One that the device brought; where an imported one stands, that one stays. */
int token_names_bring(struct token_names *names, const char *kind, const char *ep, int64_t since);
void token_names_drop(struct token_names *names, const char *kind, const char *ep);
/* NULL when there is none; good until the next change. */
const struct token_name *token_names_find(
	const struct token_names *names, const char *kind, const char *ep);
/* In order of kind and name; call after the last put. */
void token_names_sort(struct token_names *names);
/* Where the first name behind (kind, ep) stands. */
size_t token_names_after(const struct token_names *names, const char *kind, const char *ep);
void token_names_clear(struct token_names *names);
