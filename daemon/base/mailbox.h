/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mail between threads: many senders, one receiver, first in first out for each sender. Mail is
 * intrusive (embed struct mail as a member); the sender hands over ownership. The receiver takes
 * everything that waits at once, so batches size themselves. It is woken (eventfd) only when the
 * box was empty. The box itself does not limit: whoever fills it counts what is outstanding and
 * refuses at the source (each with its row in core/limits).
 */

#include <stdbool.h>
#include <stdint.h>

struct mail {
	struct mail *next;
};

struct mailbox;

/* 0 or negative errno. Free with mailbox_free() after all senders stopped; mail still inside is the
 * caller's to take first. */
int mailbox_new(struct mailbox **ret);
struct mailbox *mailbox_free(struct mailbox *box);

/* For the receiver's poll: readable while mail waits. */
int mailbox_fd(const struct mailbox *box);

/* Any thread. Never fails. */
void mailbox_push(struct mailbox *box, struct mail *mail);
/* Any thread: pushes a chain (linked by next, ended by NULL) in its order with one wake-up. */
void mailbox_push_chain(struct mailbox *box, struct mail *first, struct mail *last);

/* Receiver only. The whole chain in order, NULL when empty; resets the eventfd. */
struct mail *mailbox_take(struct mailbox *box);

/* Receiver only: blocks until mail waits or timeout_msec passed (-1: for ever). False on time-out.
 */
bool mailbox_wait(struct mailbox *box, int timeout_msec);
