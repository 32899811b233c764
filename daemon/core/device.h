/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The record of one device: what is on disk about it. A record is a value; the host makes the next
 * one, saves it, and only then it replaces the old one in the registry.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/chain.h"
#include "core/lifecycle.h"

#define DEVICE_ID_MAX	    32 /* [a-z0-9-], made by the registry */
#define EP_MAX		    63
#define INFO_TEXT_MAX	    64
#define LABEL_MAX	    64 /* name, place, owner */
#define ATTRIBUTES_MAX	    16
#define ATTRIBUTE_VALUE_MAX 256
#define SHORT_CODE_SIZE	    8 /* without the hyphen */
#define CODE_TRIES_MAX	    5
#define MAC_TEXT_SIZE	    18	/* "aa:bb:cc:dd:ee:ff" */
#define LABEL_MARK_SIZE	    65	/* of a label: core/label.h */
#define PROOF_TEXT_SIZE	    129 /* of a kept proof: core/claim.h */

enum trust { TRUST_PLAIN, TRUST_CLAIMED, TRUST_PSK, TRUST_CERT, TRUST_OSCORE, TRUSTS };
const char *trust_to_string(enum trust trust);
int trust_from_string(const char *text, enum trust *ret_trust);

enum found_by {
	FOUND_ENROL,
	FOUND_MDNS,
	FOUND_MULTICAST,
	FOUND_RD,
	FOUND_ADDRESS,
	FOUND_IMPORT,
	FOUNDS
};
const char *found_by_to_string(enum found_by found);
int found_by_from_string(const char *text, enum found_by *ret_found);

/* Where a device was reached. IPv4 is held v4-mapped. Identity never; a plain device is bound to
 * interface + IP. */
struct device_address {
	struct in6_addr ip;
	uint16_t port;	    /* host order; may change */
	char interface[16]; /* name; indexes do not survive a reboot */
};
bool device_address_same_host(
	const struct device_address *a, const struct device_address *b); /* ip + interface */
/* "192.0.2.7:5683" or "[fe80::1%eth0]:5683"; ret_text of at least 80 bytes. Returns ret_text. */
/* As a person types it: "192.0.2.7", "192.0.2.7:5683", "fd00::7", "[fe80::7%eth0]:5683", each with
 * "coap://" or "coaps://" before it and "/" behind it as well; no names. Without a port it is 5683,
 * or 5684 with coaps. -EINVAL. */
#define ADDRESS_TYPED_MAX 95
int device_address_parse(struct span text, struct device_address *ret_address, bool *ret_secure);
const char *device_address_to_string(const struct device_address *address, char *ret_text);

/* What a device says of itself: shown to the approver, sent to the platform, never identity. */
struct device_info {
	char model[INFO_TEXT_MAX + 1];
	char serial[INFO_TEXT_MAX + 1];
	char firmware[INFO_TEXT_MAX + 1];
	bool display;
	char code[SHORT_CODE_SIZE + 1]; /* short code that it sent, normalised; "" = none */
	char *attributes;		/* JSON object text of strings, heap, or NULL */
};

/* With what evidence it was approved. */
enum evidence {
	EVIDENCE_NONE,
	EVIDENCE_NO_CODE,
	EVIDENCE_SHORT_CODE,
	EVIDENCE_DISPLAY_CODE,
	EVIDENCE_SHOWN_BY_GATEWAY,
	EVIDENCE_LABEL,
	EVIDENCE_POLICY,
	EVIDENCES
};
const char *evidence_to_string(enum evidence evidence);
int evidence_from_string(const char *text, enum evidence *ret_evidence);

struct device_record {
	uint64_t row; /* row in the control file; never reused */
	char id[DEVICE_ID_MAX + 1];
	char ep[EP_MAX + 1];
	char platform[17]; /* which platform it belongs to */
	char name[LABEL_MAX + 1];
	char place[LABEL_MAX + 1];
	char owner[LABEL_MAX + 1];
	struct device_info info;
	enum trust trust;
	enum found_by found_by;
	struct device_address address;
	bool address_bound;	 /* the address was proved (Echo) and belongs to this name */
	char mac[MAC_TEXT_SIZE]; /* of that address, "" = there is none (core/binding.h) */
	/* SHA-256 of its certificate in hex; "" = it showed none, or was released from it */
	char fingerprint[FINGERPRINT_SIZE];
	char proved_label[LABEL_MARK_SIZE]; /* the mark of the label that it proved; "" = none */
	/* What it answered to a challenge before its label was known; "" = nothing */
	char kept_proof[PROOF_TEXT_SIZE];
	bool released;	/* what it proved binds its name no more: nobody decided or proved since */
	bool is_server; /* we ask it (mDNS, /rd), it does not enrol itself */
	bool secure_only;     /* at its port is DTLS, where it did not prove its name yet */
	uint32_t rd_lifetime; /* seconds: of its entry in the resource directory, 0 = it has none */
	bool rd_port_said;    /* the port of its address is the one that it registered */
	char poll_path[128];  /* path of its if="core.s" link, "" = none */
	int poll_format;      /* ct of that link, -1 unknown */
	unsigned code_tries;  /* wrong tries so far; survives restarts */
	bool code_locked;     /* void until an admin unlocks it */
	bool display_holds;   /* its display may hold a code that it was sent */
	uint64_t code_here; /* the operation whose code a person asked to see here instead; 0 = none
			     */
	enum evidence evidence;
	char decided_by[LABEL_MAX + 1];
	int64_t first_seen; /* wall milliseconds */
	int64_t decided_at;
	struct lifecycle life;
};

/* True while an operation's code is out, and is to be read at the gateway rather than on the
 * device: it has no display, or a person said that the display cannot be read. */
bool device_code_is_here(const struct device_record *record);

int device_record_copy(const struct device_record *from, struct device_record **ret);
struct device_record *device_record_free(struct device_record *record); /* wipes secrets */

/* Names. -EINVAL with a sentence in *ret_why (static text) when 'ep' is not 1 to 63 printable ASCII
 * without space " < >, or is an address. */
int ep_check(struct span ep, const char **ret_why);
/* Normalises a typed or sent short code: case, spaces and hyphens do not matter. -EINVAL when it is
 * not 8 characters of the alphabet. */
int short_code_parse(struct span text, char ret_code[SHORT_CODE_SIZE + 1]);
/* "XXXX-XXXX" from the normalised form; ret_text of 10 bytes. Returns ret_text. */
const char *short_code_format(const char *code, char *ret_text);
void short_code_make(char ret_code[SHORT_CODE_SIZE + 1]);
/* Free text that a person typed (name, place, owner): clean UTF-8 of at most LABEL_MAX bytes. */
int label_check(struct span text, const char **ret_why);
