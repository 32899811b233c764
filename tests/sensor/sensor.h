/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the simulated sensor share. Start reading in gatehouse-sensor.c. */

#include <coap3/coap.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTRIBUTES_MAX	   16
#define PSK_MAX		   32 /* bytes */
#define TOKEN_SIZE	   8
#define ECHO_MAX	   40
#define ENTRY_MAX	   96
#define QUERY_MAX	   3
#define CHALLENGE_TEXT_MAX 33 /* 16 bytes in base64url, with room for padding */

enum mode { MODE_ENROL, MODE_SERVER, MODE_REGISTER };

struct options {
	const char *ep;
	enum mode mode;
	const char *gateway; /* "192.0.2.1", "192.0.2.1:5683", "[fe80::1%eth0]:5683" */
	uint16_t port;	     /* where it serves, or speaks from; 0 = any */
	bool advertise;
	const char *model, *serial, *firmware, *code;
	bool display;
	const char *attribute[ATTRIBUTES_MAX]; /* "key=value" */
	unsigned attributes;
	unsigned long lifetime; /* of its registration, in seconds */
	double interval;	/* seconds between readings */
	unsigned long count;	/* readings until it is done; 0 = no end */
	bool text;		/* format 0 instead of SenML JSON */
	const char *state_file;
	const char *label;	       /* its GH1 code, or NULL */
	const char *pt;		       /* file with its provisioning token, or NULL */
	const char *certificate, *key; /* PEM files, or NULL */
	const char *ca;		       /* PEM file: whom it believes; NULL = any gateway */
	uint8_t psk[PSK_MAX];
	size_t psk_size; /* 0 = CoAP in clear */
};

/* What the one request under way is about. */
enum purpose {
	PURPOSE_NONE,
	PURPOSE_ENROL,
	PURPOSE_READING,
	PURPOSE_REGISTER,
	PURPOSE_RENEW,
	PURPOSE_LEAVE
};

struct outgoing {
	enum purpose purpose;
	coap_pdu_code_t method;
	const char *path;	      /* "rd/4711": an option for each part */
	const char *query[QUERY_MAX]; /* NULL: no more */
	int format;		      /* of the body; -1 = none */
	const char *body;	      /* or NULL */
};

struct advertisement;

struct sensor {
	struct options options;
	coap_context_t *coap;
	coap_session_t *gateway; /* our client session; NULL in server mode */
	char entry[ENTRY_MAX];	 /* our place in the directory, "rd/4711"; "" = none */
	uint64_t renew_at;	 /* milliseconds */
	struct advertisement *advertisement;
	coap_bin_const_t key; /* in server mode with --psk; a view of 'options' */

	/* the request under way: at most one at a time (NSTART, RFC 7252 4.7) */
	enum purpose purpose;
	uint8_t token[TOKEN_SIZE];
	uint64_t sent_at;	/* milliseconds */
	uint8_t echo[ECHO_MAX]; /* to go into the next request */
	size_t echo_size;

	/* what the gateway thinks of us */
	char state[16];
	char code[65];
	bool approved;
	char challenge[CHALLENGE_TEXT_MAX]; /* to be answered with the next /enrol; "" = none */
	bool proving;			    /* the request under way holds a proof */
	uint64_t not_before;		    /* milliseconds: it told us to wait till then */

	/* readings are numbered from 1; those above 'acknowledged' are kept */
	unsigned long produced, acknowledged;
	uint64_t next_reading_at;
	unsigned long lost; /* given up because too many waited */

	bool renew; /* the DTLS session is given up: another handshake */

	unsigned long served; /* GETs answered in server mode */
	bool failed;	      /* ends with an error */
};

/* gatehouse-sensor.c */
uint64_t now_msec(void);
void sensor_set_app_data(coap_context_t *context, struct sensor *sensor);
struct sensor *sensor_of(const coap_session_t *session);

/* options.c: 0, or an exit code with the message printed */
int options_parse(int argc, char **argv, struct options *ret_options);

/* event.c: one line of JSON on standard output; takes the object over */
void event_print(const char *event, json_t *details);
/* "4.03" */
const char *code_to_string(unsigned code, char text[8]);

/* label.c */
/* True when the text is the label of this device: form and check characters fit. */
bool label_is_of(const char *text, const char *ep);
/* Adds nonce and proof for a challenge (base64url, as it came). False when it is none. */
bool label_prove(const char *text, const char *ep, const char *challenge, json_t *map);

/* enrol.c */
json_t *enrol_map(const struct options *options);
void enrol_send(struct sensor *sensor);
void enrol_answered(struct sensor *sensor, const coap_pdu_t *answer);

/* telemetry.c */
double reading_value(unsigned long n);
/* The body of reading n in the chosen format; heap text. */
char *reading_body(const struct sensor *sensor, unsigned long n);
void telemetry_begin(struct sensor *sensor);
void telemetry_produce(struct sensor *sensor);
void telemetry_send(struct sensor *sensor);
void telemetry_answered(struct sensor *sensor, const coap_pdu_t *answer);
bool telemetry_done(const struct sensor *sensor);

/* client.c */
int client_connect(struct sensor *sensor);
void client_send(struct sensor *sensor, const struct outgoing *outgoing);
/* True while the answer to the request under way may still come. */
bool client_is_waiting(struct sensor *sensor);
/* Sends what is due; milliseconds until the next thing is. */
uint64_t client_work(struct sensor *sensor);
/* Seconds of the Max-Age option, or 'otherwise'. */
unsigned answer_max_age(const coap_pdu_t *answer, unsigned otherwise);
/* NULL when the body is no JSON object. */
json_t *answer_json(const coap_pdu_t *answer);
void client_wait(struct sensor *sensor, unsigned seconds);

/* server.c */
int server_listen(struct sensor *sensor);
/* What /.well-known/core lists. */
void server_links(const struct options *options, char *text, size_t size);

/* directory.c */
/* Sends what is due; milliseconds until the next thing is. */
uint64_t directory_work(struct sensor *sensor);
void directory_answered(struct sensor *sensor, enum purpose purpose, const coap_pdu_t *answer);
/* Its last word: it is switched off. */
void directory_leave(struct sensor *sensor);

/* advertise.c */
int advertise_begin(struct sensor *sensor, struct advertisement **ret);
void advertise_work(struct advertisement *advertisement);
struct advertisement *advertise_end(struct advertisement *advertisement);
