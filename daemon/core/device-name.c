/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The texts that name a device: its endpoint name, its short code, what people call it. All of it
 * comes from outside.
 *
 * A short code is 8 characters out of 20 without vowels and without look-alikes (RFC 8628 section
 * 6.1), about 2^34.6 of them. It names a device and is never a key. Inside it is held in capitals
 * without the hyphen; people may write it as they like.
 */

#include "core/device.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

#define SHORT_CODE_TYPED_MAX 64 /* bytes of a typed code with all its spaces */

static const char code_alphabet[] = "BCDFGHJKLMNPQRSTVWXZ";
#define CODE_ALPHABET_SIZE (sizeof(code_alphabet) - 1)

/* True for digits only, also none: the port behind an address. */
static bool text_is_number(const char *text)
{
	return text[strspn(text, "0123456789")] == '\0';
}

/* IPv4, IPv6 with or without brackets and zone, each with or without a port. */
static bool text_is_address(const char *ep)
{
	char host[EP_MAX + 1];
	struct in6_addr ip;
	char *end;

	snprintf(host, sizeof(host), "%s", ep[0] == '[' ? ep + 1 : ep);
	if (ep[0] == '[') {
		end = strchr(host, ']');
		if (!end)
			return false;
		if (end[1] != '\0' && (end[1] != ':' || !text_is_number(end + 2)))
			return false;
		*end = '\0';
	} else {
		end = strchr(host, ':');
		if (end && strchr(host, '.') && text_is_number(end + 1))
			*end = '\0';
	}
	end = strchr(host, '%');
	if (end)
		*end = '\0';
	return inet_pton(AF_INET, host, &ip) == 1 || inet_pton(AF_INET6, host, &ip) == 1;
}

int ep_check(struct span ep, const char **ret_why)
{
	char text[EP_MAX + 1];
	const char *why = NULL;

	if (ep.size == 0)
		why = "The name is empty.";
	else if (ep.size > EP_MAX)
		why = "The name is longer than 63 characters.";
	else if (!span_is_printable(ep))
		why = "The name holds a character that is not printable ASCII.";
	else if (memchr(ep.data, ' ', ep.size) || memchr(ep.data, '"', ep.size) ||
		 memchr(ep.data, '<', ep.size) || memchr(ep.data, '>', ep.size))
		why = "The name holds a space, a double quote, < or >.";
	else if (span_to_string(ep, text, sizeof(text)) == 0 && text_is_address(text))
		why = "The name is an address.";
	if (!why)
		return 0;
	*ret_why = why;
	return -EINVAL;
}

int short_code_parse(struct span text, char ret_code[SHORT_CODE_SIZE + 1])
{
	char code[SHORT_CODE_SIZE + 1] = "";
	size_t size = 0;

	if (text.size > SHORT_CODE_TYPED_MAX)
		return -EINVAL;
	for (size_t i = 0; i < text.size; i++) {
		char c = (char)text.data[i];

		if (c == ' ' || c == '-')
			continue;
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (size == SHORT_CODE_SIZE || !memchr(code_alphabet, c, CODE_ALPHABET_SIZE))
			return -EINVAL;
		code[size++] = c;
	}
	if (size != SHORT_CODE_SIZE)
		return -EINVAL;
	memcpy(ret_code, code, sizeof(code));
	return 0;
}

const char *short_code_format(const char *code, char *ret_text)
{
	snprintf(ret_text, SHORT_CODE_SIZE + 2, "%.4s-%.4s", code,
		strlen(code) > SHORT_CODE_SIZE / 2 ? code + SHORT_CODE_SIZE / 2 : "");
	return ret_text;
}

void short_code_make(char ret_code[SHORT_CODE_SIZE + 1])
{
	/* The largest multiple of the alphabet's size that a byte holds: each character is equally
	 * likely. */
	const unsigned limit = 256 - 256 % CODE_ALPHABET_SIZE;
	size_t size = 0;
	uint8_t byte;

	while (size < SHORT_CODE_SIZE) {
		random_bytes(&byte, sizeof(byte));
		if (byte < limit)
			ret_code[size++] = code_alphabet[byte % CODE_ALPHABET_SIZE];
	}
	ret_code[size] = '\0';
}

int label_check(struct span text, const char **ret_why)
{
	if (text.size > LABEL_MAX) {
		*ret_why = "The text is longer than 64 bytes.";
		return -EINVAL;
	}
	if (!span_is_clean_text(text)) {
		*ret_why = "The text is not valid UTF-8, or holds a control character.";
		return -EINVAL;
	}
	return 0;
}
