/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated sensor, and the commented reference of what a device must do to work with gatehouse
 * (the device contract). It is an ordinary program on libcoap without anything of the gateway
 * in it, so it may be read as a model for a real device.
 *
 * There are three kinds of device:
 *
 * - one that speaks first (--mode enrol). It posts its name and what it is to /enrol and repeats
 * that until a person has approved it; then it posts its readings to /t. See client.c, enrol.c and
 *   telemetry.c, in this order.
 * - one that is asked (--mode server). It offers a list of links and is found by DNS-SD or by its
 *   address; the gateway reads its description and, once it is approved, its readings. See
 * server.c.
 * - one by the standards alone (--mode register). It registers at a resource directory, which the
 *   gateway is, and is asked for its readings; it needs to know nothing of a gateway. See
 *   directory.c.
 *
 * The duties of a device are few, and each stands as a comment "Duty:" where it is done:
 * repeat a request with the same message id (libcoap does), send an Echo value back, keep what was
 * not acknowledged, wait as long as the gateway asks for, go back to /enrol on 4.03 and 4.04.
 *
 * What happens is printed as one JSON object a line on standard output, so that a test or a curious
 * person can follow it.
 */

#include "sensor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STEP_MSEC 100 /* how long it takes at most to notice a signal */

uint64_t now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void sensor_set_app_data(coap_context_t *context, struct sensor *sensor)
{
#if LIBCOAP_VERSION >= 4003005
	coap_context_set_app_data(context, sensor);
#else
	coap_set_app_data(context, sensor);
#endif
}

struct sensor *sensor_of(const coap_session_t *session)
{
	coap_context_t *context = coap_session_get_context(session);

#if LIBCOAP_VERSION >= 4003005
	return coap_context_get_app_data(context);
#else
	return coap_get_app_data(context);
#endif
}

static int sensor_start(struct sensor *sensor)
{
	coap_startup();
	coap_set_log_level((coap_log_t)0);
	sensor->coap = coap_new_context(NULL);
	if (!sensor->coap)
		return -1;
	sensor_set_app_data(sensor->coap, sensor);
	telemetry_begin(sensor);
	if (sensor->options.mode == MODE_ENROL)
		return client_connect(sensor);
	int r = server_listen(sensor);
	if (r == 0 && sensor->options.mode == MODE_REGISTER)
		r = client_connect(sensor);
	if (r == 0 && sensor->options.advertise)
		r = advertise_begin(sensor, &sensor->advertisement);
	return r;
}

static void sensor_stop(struct sensor *sensor)
{
	advertise_end(sensor->advertisement);
	if (sensor->gateway)
		coap_session_release(sensor->gateway);
	if (sensor->coap)
		coap_free_context(sensor->coap);
	coap_cleanup();
}

static bool sensor_done(const struct sensor *sensor)
{
	const struct options *options = &sensor->options;

	if (options->mode != MODE_ENROL)
		return options->count > 0 && sensor->served >= options->count;
	return telemetry_done(sensor);
}

/* Blocked signals are taken when we come round: no handler, no global. */
static bool stop_requested(const sigset_t *signals)
{
	const struct timespec at_once = {0};

	return sigtimedwait(signals, NULL, &at_once) > 0;
}

int main(int argc, char **argv)
{
	struct sensor sensor = {0};
	sigset_t signals;

	int code = options_parse(argc, argv, &sensor.options);
	if (code != 0)
		return code == -1 ? EXIT_SUCCESS : code;
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sensor.failed = sensor_start(&sensor) != 0;
	while (!sensor.failed && !sensor_done(&sensor) && !stop_requested(&signals)) {
		uint64_t wait = STEP_MSEC;
		if (sensor.options.mode == MODE_ENROL)
			wait = client_work(&sensor);
		else if (sensor.options.mode == MODE_REGISTER)
			wait = directory_work(&sensor);
		if (sensor.advertisement)
			advertise_work(sensor.advertisement);
		if (wait > STEP_MSEC)
			wait = STEP_MSEC;
		/* 0 would mean "for ever" here. */
		coap_io_process(sensor.coap, wait > 0 ? (uint32_t)wait : COAP_IO_NO_WAIT);
	}
	directory_leave(&sensor);
	event_print("stopped", json_pack("{s:I}", "acknowledged", (json_int_t)sensor.acknowledged));
	sensor_stop(&sensor);
	return sensor.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
