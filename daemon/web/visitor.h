/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The connections of a server: since when, from where, and whether somebody is logged in on them. A
 * connection has a deadline for its next complete request. When all places are taken, one that
 * nobody is logged in on is put out for the newcomer: the oldest of the address that holds most. So
 * whoever hoards connections loses his own, and a person still gets in.
 *
 * A browser keeps connections open after their answers, and takes a new one that is closed at once
 * for a gateway that is broken. So when an address has all that it may have, the one of its own
 * that is idle longest goes for the newcomer: a browser that wanted to use it again asks anew.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct MHD_Connection;

struct visitor {
	struct visitor *next, *previous;
	struct MHD_Connection *connection;
	struct in6_addr address; /* IPv4 v4-mapped; :: when there is none (Unix socket) */
	uint64_t begun_usec, deadline_usec;
	uint64_t idle_usec; /* since its last answer; 0 = it asks, or has never asked */
	bool asked;	    /* it has had an answer */
	bool known;	    /* somebody is logged in */
	bool leaving;	    /* its socket is shut down, the library has not seen it yet */
};

struct visitors {
	struct visitor *first; /* youngest first */
	unsigned count;	       /* without those that leave */
};

#define VISITOR_REQUEST_USEC UINT64_C(60000000)
/* Who is alone at its address keeps its place so long, whatever comes. */
#define VISITOR_GRACE_USEC UINT64_C(3000000)

/* NULL without memory: it lives under the library's time-out alone. */
struct visitor *visitor_begin(
	struct visitors *visitors, struct MHD_Connection *connection, uint64_t now_usec);
void visitor_end(struct visitors *visitors, struct visitor *visitor); /* NULL is fine */
/* The visitor of this connection, or NULL. */
struct visitor *visitor_of(struct MHD_Connection *connection);
/* Shuts down whatever is past its deadline. */
void visitors_sweep(struct visitors *visitors, uint64_t now_usec);
/* Puts one out; false when nobody can be. */
bool visitors_make_room(struct visitors *visitors, uint64_t now_usec);
/* How many connections an address holds. */
unsigned visitors_held(const struct visitors *visitors, const struct in6_addr *address);
/* Puts out one of this address: the one that is idle longest, else the oldest that has not asked
 * for anything within the time of grace. False when all are in use. */
bool visitors_make_room_at(
	struct visitors *visitors, const struct in6_addr *address, uint64_t now_usec);
