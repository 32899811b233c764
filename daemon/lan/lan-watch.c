/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observing a resource of a device (RFC 7641). An observation keeps its session and its token; each
 * notification is one representation.
 *
 *	GET Observe 0 --> answer with Observe: it notifies; without: it does not, and this is over
 *	notification  --> told when it is newer than the last one (section 3.4), and Max-Age begins
 *	Max-Age over  --> GET Observe 0 again, on the same token: a device that has forgotten us (it
 *	                  restarted, or gave us up) takes us on again, and one that is gone is found
 *out given up      --> GET Observe 1, and 5 s for its answer
 *
 * A notification that is only the first of several blocks is read on by GETs of its own
 * (RFC 7959 2.6); the next one before that ends takes its place.
 */

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/loop.h"
#include "lan/lan-question.h"

#define ANSWER_WAIT_USEC (20 * USEC_PER_SEC) /* for a registration */
#define LEAVE_WAIT_USEC	 (5 * USEC_PER_SEC)
#define MAX_AGE_MIN	 5    /* seconds: a device shall not make us ask it without end */
#define MAX_AGE_MAX	 3600 /* and one that restarted is found again within an hour */
#define GRACE_USEC	 (2 * USEC_PER_SEC)
#define FRESH_USEC	 (128 * USEC_PER_SEC)
#define SEQUENCE_HALF	 (1u << 23)

struct lan_watch {
	struct lan_watch *next;
	struct lan *lan;
	struct question question;
	sd_event_source *timer; /* the answer is late, Max-Age is over, or it took leave */
	bool asked;		/* a registration is under way */
	bool leaving, over;
	bool noted; /* sequence and heard are of a notification */
	uint32_t sequence;
	uint64_t heard_usec;
	struct client_request *rest; /* of the notification whose first block came */
	lan_notice_fn notify;
	void *userdata;
};

static void observation_free(struct lan_watch *observation)
{
	loop_source_free(observation->timer);
	question_close(&observation->question);
	free(observation);
}

void lan_watches_release(struct lan *lan)
{
	struct lan_watch **at = &lan->watches;

	while (*at) {
		struct lan_watch *observation = *at;

		if (observation->over) {
			*at = observation->next;
			observation_free(observation);
		} else {
			at = &observation->next;
		}
	}
}

/* Nobody is told any more; it is freed outside libcoap. */
static void observation_end(struct lan_watch *observation)
{
	if (observation->over)
		return;
	observation->over = true;
	observation->lan->watch_count--;
	loop_timer_stop(observation->timer);
	if (observation->rest)
		lan_request_cancel(observation->rest);
	lan_finished_schedule(observation->lan);
}

static void observation_fail(struct lan_watch *observation, int result)
{
	bool told = observation->leaving;

	observation_end(observation);
	if (!told)
		observation->notify(observation->userdata,
			&(const struct lan_notice){.result = result, .format = -1});
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void set_timer(struct lan_watch *observation, uint64_t delay_usec)
{
	int r = loop_timer_set(observation->lan->loop, &observation->timer, delay_usec, on_timer,
		observation, "coap-observe");

	if (r < 0)
		observation_fail(observation, r);
}

static void observation_register(struct lan_watch *observation)
{
	int r = question_send(observation->lan, &observation->question,
		&(const struct question_extra){.observe = 0, .block2 = -1});

	observation->asked = true;
	if (r < 0)
		observation_fail(observation, r);
	else
		set_timer(observation, ANSWER_WAIT_USEC);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct lan_watch *observation = userdata;

	(void)source, (void)usec;
	if (observation->leaving)
		observation_end(observation);
	else if (observation->asked) {
		question_spend(&observation->question);
		observation_fail(observation, -ETIMEDOUT);
	} else
		observation_register(observation);
	return 0;
}

bool observation_is_newer(uint32_t last, uint64_t last_usec, uint32_t sequence, uint64_t now_usec)
{
	if (now_usec > last_usec + FRESH_USEC)
		return true;
	if (last < sequence)
		return sequence - last < SEQUENCE_HALF;
	return last - sequence > SEQUENCE_HALF;
}

/* One that was overtaken on its way is as good as lost. */
static bool note_sequence(struct lan_watch *observation, uint32_t sequence)
{
	uint64_t now = clock_boot_usec();

	if (observation->noted && !observation_is_newer(observation->sequence,
					  observation->heard_usec, sequence, now))
		return false;
	observation->noted = true;
	observation->sequence = sequence;
	observation->heard_usec = now;
	return true;
}

static void rest_came(void *userdata, int result, uint8_t code, int format, struct span payload)
{
	struct lan_watch *observation = userdata;

	observation->rest = NULL;
	if (observation->over || observation->leaving || result == -ECANCELED)
		return;
	/* Only this one representation was lost: the next one may come. */
	if (result < 0)
		lan_turn_away(observation->lan, AWAY_MALFORMED, &observation->question.to);
	else
		observation->notify(observation->userdata, &(const struct lan_notice){.code = code,
								   .format = format,
								   .payload = payload,
								   .goes_on = true});
}

static void take_first_block(struct lan_watch *observation, const struct answer_view *answer)
{
	const struct question *question = &observation->question;
	const struct lan_outgoing outgoing = {
		.to = question->to,
		.identity = question->channel ? lan_channel_identity(question->channel) : NULL,
		.method = LAN_GET,
		.path = question->path,
		.content_format = -1,
		.accept = question->accept,
		.answer_max = question->answer_max,
		.timeout_usec = ANSWER_WAIT_USEC,
	};

	if (observation->rest)
		lan_request_cancel(observation->rest);
	if (lan_send_rest(observation->lan, &outgoing, answer, rest_came, observation,
		    &observation->rest) < 0)
		lan_turn_away(observation->lan, AWAY_OVER_LIMIT, &question->to);
}

static uint64_t silence_allowed(int64_t max_age)
{
	if (max_age < MAX_AGE_MIN)
		max_age = MAX_AGE_MIN;
	if (max_age > MAX_AGE_MAX)
		max_age = MAX_AGE_MAX;
	/* Not all in the same moment, and a notification may be on its way. */
	return (uint64_t)max_age * USEC_PER_SEC + GRACE_USEC + random_uint64() % GRACE_USEC;
}

static void representation_take(struct lan_watch *observation, const struct answer_view *answer)
{
	struct lan_notice notice = {
		.code = answer->code,
		.format = answer->format,
		.payload = answer->payload,
		.goes_on = answer->code >> 5 == 2 && answer->observe >= 0,
	};

	if (notice.goes_on && !note_sequence(observation, (uint32_t)answer->observe))
		return;
	observation->asked = false;
	if (notice.goes_on)
		set_timer(observation, silence_allowed(answer->max_age));
	if (observation->over)
		return; /* without a timer */
	if (answer->payload.size > observation->question.answer_max) {
		lan_turn_away(observation->lan, AWAY_OVER_LIMIT, &observation->question.to);
		return;
	}
	if (notice.goes_on && answer->block2 >= 0 && (answer->block2 & 8)) {
		take_first_block(observation, answer);
		return;
	}
	/* Without Observe, or with an error, it notifies no more. */
	if (!notice.goes_on)
		observation_end(observation);
	notice.partial = answer->block2 >= 0 && (answer->block2 & 8);
	observation->notify(observation->userdata, &notice);
}

static struct lan_watch *observation_of(
	struct lan *lan, const coap_session_t *session, const coap_pdu_t *message)
{
	for (struct lan_watch *at = lan->watches; at; at = at->next)
		if (!at->over && question_is_of(&at->question, session, message))
			return at;
	return NULL;
}

coap_response_t lan_watch_answered(
	struct lan *lan, const coap_session_t *session, const coap_pdu_t *received)
{
	struct lan_watch *observation = observation_of(lan, session, received);
	struct answer_view answer;

	/* A reset is how a device learns that nobody listens any more (RFC 7641 3.6). */
	if (!observation || !question_matches(&observation->question, received))
		return coap_pdu_get_type(received) == COAP_MESSAGE_CON ? COAP_RESPONSE_FAIL
								       : COAP_RESPONSE_OK;
	answer_read(received, &answer);
	if (observation->leaving) {
		if (answer.observe < 0)
			observation_end(observation);
		return COAP_RESPONSE_OK;
	}
	lan_question_answered(lan, &observation->question.to);
	representation_take(observation, &answer);
	return COAP_RESPONSE_OK;
}

void lan_watch_failed(
	struct lan *lan, const coap_session_t *session, const coap_pdu_t *sent, int result)
{
	struct lan_watch *observation = observation_of(lan, session, sent);

	if (!observation)
		return;
	if (result == -ETIMEDOUT)
		question_spend(&observation->question);
	observation_fail(observation, result);
}

/* Those that are over stay in the list until the loop turns. */
void lan_watches_ended(struct lan *lan, const coap_session_t *session, int result)
{
	for (struct lan_watch *at = lan->watches; at; at = at->next)
		if (at->question.session == session && !at->over)
			observation_fail(at, result);
}

int lan_watch(struct lan *lan, const struct lan_outgoing *outgoing, lan_notice_fn notify,
	void *userdata, struct lan_watch **ret)
{
	struct lan_watch *observation;
	int r;

	if (lan->watch_count >= lan->limits->value[LIMIT_OBSERVATIONS]) {
		lan_limit_reached(lan, LIMIT_OBSERVATIONS);
		return -EBUSY;
	}
	observation = calloc(1, sizeof(*observation));
	if (!observation)
		return -ENOMEM;
	r = question_open(lan, outgoing, &observation->question);
	if (r < 0) {
		free(observation);
		return r;
	}
	observation->lan = lan;
	observation->notify = notify;
	observation->userdata = userdata;
	observation->asked = true;
	r = loop_timer_set(lan->loop, &observation->timer, ANSWER_WAIT_USEC, on_timer, observation,
		"coap-observe");
	if (r >= 0)
		r = question_send(lan, &observation->question,
			&(const struct question_extra){.observe = 0, .block2 = -1});
	if (r < 0) {
		observation_free(observation);
		return r;
	}
	observation->next = lan->watches;
	lan->watches = observation;
	lan->watch_count++;
	*ret = observation;
	return 0;
}

void lan_unwatch(struct lan_watch *observation)
{
	observation->leaving = true;
	if (observation->rest)
		lan_request_cancel(observation->rest);
	if (question_send(observation->lan, &observation->question,
		    &(const struct question_extra){.observe = 1, .block2 = -1}) < 0)
		observation_end(observation);
	else
		set_timer(observation, LEAVE_WAIT_USEC);
}

void lan_watch_again(struct lan_watch *observation)
{
	if (!observation->asked)
		observation_register(observation);
}

/* The gateway ends: who waits is told, and the devices find out when they notify the next time. */
void lan_watches_drop(struct lan *lan)
{
	for (struct lan_watch *at = lan->watches; at; at = at->next)
		if (!at->over)
			observation_fail(at, -ECANCELED);
}
