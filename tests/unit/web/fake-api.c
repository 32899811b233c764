/* SPDX-License-Identifier: Apache-2.0 */
/* Answers with fixed JSON; see fake-api.h. */

#include "fake-api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMES "\"decided_at\":null,\"decided_by\":\"\",\"evidence\":\"none\""
#define REST                                                                                     \
	"\"operation\":{\"state\":\"none\",\"number\":0,\"expires\":null},\"credential\":"       \
	"{\"state\":\"none\",\"since\":null,\"expires\":null},\"link\":\"down\",\"readings\":0," \
	"\"queued\":0,\"present\":true,\"platform\":\"local\",\"platform_id\":\"\""
#define DECIDE "[\"approve\",\"reject\",\"block\",\"identify\",\"rename\",\"forget\"]"

static const char *const devices[] = {
	"{\"id\":\"pump-room-th-2\",\"ep\":\"th-00412\",\"name\":\"\",\"place\":\"\",\"owner\":"
	"\"\","
	"\"model\":\"Nordlicht TH-200\",\"serial\":\"NL-2291-00412\",\"firmware\":\"2.4.1\","
	"\"attributes\":{\"line\":\"3\",\"unit\":\"degrees Celsius\"},\"display\":false,"
	"\"state\":\"pending\",\"stage\":\"waiting-person\",\"trust\":\"plain\",\"found_by\":"
	"\"enrol\",\"address\":\"192.0.2.41:5683\",\"first_seen\":\"2026-11-21T12:31:07Z\"," TIMES
	",\"has_code\":true,\"code_tries_left\":4,\"code_locked\":false,\"last_heard\":12,"
	"\"last_reading\":null,\"actions\":" DECIDE "," REST "}",
	"{\"id\":\"boiler-display\",\"ep\":\"kd-7-0031\",\"name\":\"\",\"place\":\"\",\"owner\":"
	"\"\","
	"\"model\":\"Kessel Display 7\",\"serial\":\"0031\",\"firmware\":\"1.0\",\"attributes\":{},"
	"\"display\":true,\"state\":\"pending\",\"stage\":\"waiting-person\",\"trust\":\"plain\","
	"\"found_by\":\"mdns\",\"address\":\"[fe80::1a2b:3cff:fe4d:5e6f%eth0]:5683\","
	"\"first_seen\":\"2026-11-21T12:33:40Z\"," TIMES
	",\"has_code\":false,\"code_tries_left\":5,\"code_locked\":false,\"last_heard\":3,"
	"\"last_reading\":null,\"actions\":[\"admit\",\"reject\",\"identify\"]," REST "}",
	"{\"id\":\"flow-9\",\"ep\":\"flow-9\",\"name\":\"Cooling return\",\"place\":\"Hall B, "
	"north wall\",\"owner\":\"Maintenance\",\"model\":\"AquaFlow 9\",\"serial\":\"AF9-11\","
	"\"firmware\":\"5.2\",\"attributes\":{},\"display\":true,\"state\":\"pending\",\"stage\":"
	"\"waiting-code\",\"trust\":\"plain\",\"found_by\":\"enrol\",\"address\":"
	"\"192.0.2.77:49152\",\"first_seen\":\"2026-11-21T12:20:01Z\"," TIMES
	",\"has_code\":true,\"code_tries_left\":5,\"code_locked\":false,\"last_heard\":70,"
	"\"last_reading\":null,\"actions\":[\"approve\",\"reject\",\"identify\",\"rename\"]," REST
	"}",
	"{\"id\":\"vent-3\",\"ep\":\"vent-3\",\"name\":\"Exhaust fan 3\",\"place\":\"Roof\","
	"\"owner\":\"\",\"model\":\"V3\",\"serial\":\"3-77\",\"firmware\":\"\",\"attributes\":{},"
	"\"display\":false,\"state\":\"approved\",\"stage\":\"active\",\"trust\":\"plain\","
	"\"found_by\":\"enrol\",\"address\":\"192.0.2.90:5683\",\"first_seen\":"
	"\"2026-11-20T08:00:00Z\",\"decided_at\":\"2026-11-20T08:02:11Z\",\"decided_by\":\"anna\","
	"\"fingerprint\":\"" FAKE_FINGERPRINT "\","
	"\"evidence\":\"short-code\",\"has_code\":true,\"code_tries_left\":5,\"code_locked\":false,"
	"\"last_heard\":41,\"last_reading\":\"2026-11-21T12:33:59Z\",\"actions\":[\"suspend\","
	"\"revoke\",\"release\",\"identify\",\"rename\",\"replace\"],\"operation\":{\"state\":"
	"\"bound\","
	"\"number\":1,\"expires\":null},\"credential\":{\"state\":\"held\",\"since\":"
	"\"2026-11-20T08:02:12Z\",\"expires\":\"2026-12-20T08:02:12Z\"},\"link\":\"up\","
	"\"commands\":[{\"cmd\":\"9\",\"name\":\"blink\",\"arrived\":\"2026-11-21T12:33:00Z\","
	"\"sender\":\"\",\"expires_in\":595,\"args\":{}}],\"commands_past\":[{\"cmd\":\"7\","
	"\"name\":"
	"\"set-rate\",\"arrived\":\"2026-11-21T12:30:00Z\",\"sender\":\"uid "
	"0\",\"ok\":true,\"reason\":\"\","
	"\"args\":{\"s\":60},\"result\":{\"was\":5}},{\"cmd\":\"8\",\"name\":\"reset\",\"arrived\":"
	"\"2026-11-21T12:31:00Z\",\"sender\":\"anna\",\"ok\":false,\"reason\":\"It was not "
	"taken.\"}],"
	"\"readings\":1812,\"queued\":0,\"present\":true,\"platform\":\"local\",\"platform_id\":"
	"\"plant-7/vent-3\"}",
};

/* Waits for somebody at its platform; only to be looked at. */
static const char press[] =
	"{\"id\":\"press\",\"ep\":\"press-1\",\"name\":\"\",\"place\":\"\",\"owner\":\"\","
	"\"model\":\"\","
	"\"serial\":\"\",\"firmware\":\"\",\"attributes\":{},\"display\":false,\"state\":"
	"\"pending\","
	"\"stage\":\"waiting-platform\",\"trust\":\"plain\",\"found_by\":\"enrol\",\"address\":"
	"\"192.0.2.91:5683\",\"first_seen\":\"2026-11-20T08:00:00Z\"," TIMES
	",\"has_code\":true,\"code_tries_left\":5,\"code_locked\":false,\"last_heard\":1,"
	"\"last_reading\":null,\"actions\":[\"reject\",\"revoke\",\"identify\"],\"operation\":{"
	"\"state\":"
	"\"awaiting\",\"number\":3,\"expires\":\"2026-11-21T12:44:00Z\",\"expires_in\":595,\"id\":"
	"\"op-77\",\"link\":\"https://there.example/approve/op-77\",\"approve_here\":false},"
	"\"platform_why\":\"nobody approved it at the platform in time\",\"credential\":{\"state\":"
	"\"none\",\"since\":null,\"expires\":null},\"link\":\"down\",\"readings\":0,\"queued\":0,"
	"\"present\":true,\"platform\":\"spotflow\",\"platform_id\":\"\"}";

/* One for a person to decide, one of a file whose word is enough; none when all is empty. */
static const char *ends(const struct fake_api *fake)
{
	return fake->ends ? fake->ends : "2046-11-20T08:00:00Z";
}

static json_t *make_cas(const struct fake_api *fake)
{
	json_t *list = json_array();

	if (!fake->empty) {
		json_array_append_new(list,
			json_pack("{s:s,s:s,s:s,s:b,s:s,s:s,s:s}", "fingerprint", FAKE_FINGERPRINT,
				"name", "Pumps <Ltd>", "admit", "person", "file", 0, "added_by",
				"anna", "since", "2026-11-20T08:00:00Z", "not_after", ends(fake)));
		json_array_append_new(
			list, json_pack("{s:s,s:s,s:s,s:b,s:n,s:s,s:s}", "fingerprint", "ffee00",
				      "name", "Fans", "admit", "auto", "file", 1, "added_by",
				      "since", "2026-11-20T08:00:00Z", "not_after", ends(fake)));
	}
	return json_pack("{s:i,s:o}", "devices", fake->empty ? 0 : 7, "device_cas", list);
}

static json_t *make_site_ca(const struct fake_api *fake)
{
	if (fake->empty)
		return json_pack("{s:n}", "site_ca");
	return json_pack("{s:{s:s,s:s,s:s,s:s,s:s}}", "site_ca", "fingerprint", "5c17e0", "name",
		"plant-7 <CA>", "not_before", "2026-11-20T08:00:00Z", "not_after", ends(fake),
		"certificate", "-----BEGIN X-----\nQQ+/==\n");
}

/* The one above, at another platform. */
static json_t *make_press(const char *platform)
{
	json_t *device = json_loads(press, 0, NULL);

	json_object_set_new(device, "platform", json_string(platform));
	return device;
}

static json_t *make_tokens(void)
{
	return json_pack("{s:i,s:[{s:s,s:s,s:s,s:s}]}", "total", 1201, "tokens", "ep", "press-1",
		"platform", "spotflow", "since", "2026-11-20T08:00:00Z", "device", "press");
}

struct api *fake_api_as_api(struct fake_api *fake)
{
	return (struct api *)(void *)fake;
}

void fake_api_clear(struct fake_api *fake)
{
	json_decref(fake->body);
	fake->body = NULL;
}

static json_t *make_device(const struct fake_api *fake, size_t index)
{
	json_t *device = json_loads(devices[index], 0, NULL);

	if (device && index == 0 && fake->hostile) {
		json_object_set_new(device, "ep", json_string("\"><script>alert(1)</script>"));
		json_object_set_new(device, "model", json_string("</dd><img src=x onerror=a>"));
		json_object_set_new(json_object_get(device, "attributes"), "<b>key</b>",
			json_string("' onmouseover='x"));
	}
	return device;
}

static json_t *make_list(const struct fake_api *fake, const char *query)
{
	json_t *list = json_array();
	size_t count = sizeof(devices) / sizeof(devices[0]);

	for (size_t i = 0; !fake->empty && i < count; i++) {
		json_t *device = make_device(fake, i);
		const char *stage = json_string_value(json_object_get(device, "stage"));

		if (!query || !strstr(query, "stage=w") || strstr(query, stage))
			json_array_append_new(list, device);
		else
			json_decref(device);
	}
	return json_pack("{s:i,s:o}", "total", (int)json_array_size(list), "devices", list);
}

static json_t *make_status(const struct fake_api *fake)
{
	return json_pack(
		"{s:{s:s,s:s,s:s},s:{s:b,s:s},s:{s:s,s:s,s:s,s:s},s:{s:i,s:i,s:i,s:i,s:s,s:i,"
		"s:i,s:i,s:i,s:i,s:i},s:{s:b,s:i,s:s},s:{s:i,s:s},s:i,s:b,s:{s:s},s:{s:s,"
		"s:s}}",
		"gateway", "id", "plant-7", "version", "0.1.0", "since", "2026-11-21T08:00:00Z",
		"clock", "synced", 1, "now", "2026-11-21T12:34:00Z", "uplink", "state", "up",
		"since", "2026-11-21T08:00:02Z", "host", "broker.plant.example:8883", "detail", "",
		"queue", "readings", 412, "bytes", 96000, "limit_bytes", 67108864, "seconds_left",
		180000, "oldest", "2026-11-21T12:33:58Z", "in_flight", 16, "accepted", 83211,
		"delivered", 82799, "refused", 0, "dead", 0, "dropped", 0, "window", "open",
		fake->window > 0, "seconds_left", (int)fake->window, "opened_by",
		fake->window ? "anna" : "", "audit", "rows", 118, "head", "9f2c44aa10", "alarms", 2,
		"set_up", fake->set_up, "key", "source", "key file", "discovery", "state",
		"running", "detail", "avahi");
}

static json_t *make_heard(void)
{
	return json_pack("{s:i,s:[{s:s,s:i,s:s},{s:s,s:i,s:s},{s:s,s:i,s:s}]}", "minutes", 15,
		"heard", "reason", "window-closed", "count", 14, "remedy",
		"A new device asked while no window was open: open the window and let it ask "
		"again.",
		"reason", "malformed", "count", 2, "remedy",
		"Something sent what is not CoAP as we understand it; look for a foreign program "
		"on "
		"port 5683.",
		"reason", "blocked", "count", 0, "remedy", "Unblock it.");
}

static json_t *make_alarms(void)
{
	return json_loads(
		"{\"alarms\":[{\"id\":\"name-conflict\",\"subject\":\"th-00412\",\"device\":null,"
		"\"sentence\":\"Two devices call themselves th-00412, at 192.0.2.41 and "
		"192.0.2.42.\",\"remedy\":\"Find the one that does not belong here, and give it "
		"another name or switch it off.\",\"raised\":\"2026-11-21T12:30:00Z\",\"times\":3,"
		"\"clears_itself\":false},{\"id\":\"code-locked\",\"subject\":\"vent-3\","
		"\"device\":{\"id\":\"vent-3\",\"title\":\"Exhaust <fan> 3\"},\"sentence\":\"Too "
		"many wrong codes for Exhaust <fan> 3; its code is void.\",\"remedy\":\"Look.\","
		"\"raised\":\"2026-11-21T12:31:00Z\",\"times\":1,\"clears_itself\":true}]}",
		0, NULL);
}

/* Newest first; of the devices only one is known still. */
static const char *const journal[][8] = {
	/* time, synchronised, who, action, object, evidence, result, via */
	{"2026-11-21T12:30:14Z", "yes", "gateway", "alarm raised", "code-locked", "", "vent-3", ""},
	{"2026-11-21T12:30:13Z", "yes", "anna", "approve", "gone-1", "no-code", "done, at local",
		"192.0.2.9"},
	{"2026-11-21T12:30:12Z", "yes", "platform", "refuse", "vent-3", "", "its <own> reason",
		"spotflow"},
	{"2026-11-21T12:30:11Z", "yes", "anna", "approve", "vent-3", "short-code",
		"refused: wrong code", "192.0.2.9"},
	{"2026-11-21T12:29:50Z", "", "uid 0", "window open", "window", "", "done",
		"control socket"},
};

static json_t *make_journal(void)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < sizeof(journal) / sizeof(journal[0]); i++)
		json_array_append_new(rows,
			json_pack("{s:i,s:s,s:b,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "number",
				(int)(121 - i), "time", journal[i][0], "clock_synced",
				journal[i][1][0] != 0, "who", journal[i][2], "role", "admin", "via",
				journal[i][7], "action", journal[i][3], "object", journal[i][4],
				"evidence", journal[i][5], "result", journal[i][6]));
	return json_pack("{s:i,s:o,s:{s:s}}", "next", 117, "rows", rows, "devices", "vent-3",
		"Exhaust <fan> 3");
}

static json_t *make_queue(void)
{
	return json_pack(
		"{s:{s:i,s:i,s:i},s:i,s:n,s:[{s:s,s:s,s:s,s:i}],s:[{s:s,s:i,s:i,s:i,s:s}]}", "lost",
		"revoked", 4, "refused", 1, "missing", 0, "bytes_per_hour", 90000, "seconds_left",
		"devices", "id", "vent-3", "name", "Exhaust fan 3", "stage", "active", "readings",
		400, "gaps", "device", "vent-3", "first", 7, "last", 9, "count", 3, "reason",
		"refused");
}

static json_t *make_dead(void)
{
	return json_pack("{s:[{s:i,s:s,s:s,s:s,s:s,s:i,s:s},{s:i,s:n,s:s,s:s,s:i,s:s}],s:n}",
		"letters", "row", 8, "device", "vent-3", "name", "Exhaust fan 3", "time",
		"2026-11-20T10:00:00Z", "id", "plant.1.8", "bytes", 71000, "reason",
		"MQTT reason 0x95", "row", 2, "device", "name", "", "time", "2026-11-19T10:00:00Z",
		"bytes", 3, "reason", "MQTT reason 0x99", "next");
}

/* The loopback, and a network that nobody here comes by. */
static json_t *make_network(void)
{
	return json_pack("{s:[{s:s,s:b,s:b,s:[s,s]},{s:s,s:b,s:b,s:[s]}],s:[]}", "interfaces",
		"name", "lo", "present", 1, "up", 1, "addresses", "127.0.0.1", "::1", "name",
		"plant0", "present", 1, "up", 1, "addresses", "192.0.2.1", "platforms");
}

static json_t *make_codes(void)
{
	return json_pack("{s:i,s:[{s:s,s:s,s:s}]}", "total", 3, "codes", "ep", "th-00412", "since",
		"2026-11-03T10:00:00Z", "device", "pump-room-th-2");
}

static json_t *make_people(void)
{
	return json_pack("{s:[{s:s,s:s,s:s},{s:s,s:s,s:s}]}", "people", "name", "anna", "role",
		"admin", "created", "2026-11-01T09:00:00Z", "name", "ben", "role", "technician",
		"created", "2026-11-03T10:00:00Z");
}

static json_t *error(const char *word, const char *text)
{
	return json_pack("{s:s,s:s}", "error", word, "text", text);
}

static int get(const struct fake_api *fake, const struct api_request *request, json_t **ret)
{
	static const char device[] = "/api/v1/devices/";
	const char *path = request->path;
	int status = 200;

	if (strcmp(path, "/api/v1/status") == 0)
		*ret = make_status(fake);
	else if (strcmp(path, "/api/v1/heard") == 0)
		*ret = make_heard();
	else if (strcmp(path, "/api/v1/alarms") == 0)
		*ret = make_alarms();
	else if (strcmp(path, "/api/v1/devices") == 0)
		*ret = make_list(fake, request->query);
	else if (strcmp(path, "/api/v1/device-cas") == 0)
		*ret = make_cas(fake);
	else if (strcmp(path, "/api/v1/site-ca") == 0)
		*ret = make_site_ca(fake);
	else if (strcmp(path, "/api/v1/tokens") == 0)
		*ret = make_tokens();
	else if (strcmp(path, "/api/v1/devices/press") == 0)
		*ret = make_press("spotflow");
	else if (strcmp(path, "/api/v1/devices/press-azure") == 0)
		*ret = make_press("azure");
	else if (strcmp(path, "/api/v1/devices/press-mqtt") == 0)
		*ret = make_press("mqtt");
	else if (strcmp(path, "/api/v1/journal") == 0)
		*ret = make_journal();
	else if (strcmp(path, "/api/v1/network") == 0)
		*ret = make_network();
	else if (strcmp(path, "/api/v1/queue") == 0)
		*ret = make_queue();
	else if (strcmp(path, "/api/v1/dead") == 0)
		*ret = make_dead();
	else if (strcmp(path, "/api/v1/journal/verify") == 0)
		*ret = json_pack("{s:b,s:i,s:s,s:n}", "intact", 1, "rows", 118, "head",
			"9f2c44aa10", "first_bad");
	else if (strcmp(path, "/api/v1/codes") == 0)
		*ret = make_codes();
	else if (strstr(path, "/history"))
		*ret = make_journal();
	else if (strcmp(path, "/api/v1/people") == 0)
		*ret = make_people();
	else if (strcmp(path, "/api/v1/events") == 0) {
		status = request->caller->role == ROLE_NONE ? 401 : 200;
		*ret = json_object();
	} else if (strncmp(path, device, strlen(device)) == 0) {
		for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]) && !*ret; i++) {
			json_t *one = make_device(fake, i);

			if (strcmp(json_string_value(json_object_get(one, "id")),
				    path + strlen(device)) == 0)
				*ret = one;
			else
				json_decref(one);
		}
	}
	if (!*ret) {
		status = 404;
		*ret = error("unknown", "There is no such device.");
	}
	return status;
}

static bool has(const struct api_request *request, const char *key, const char *value)
{
	const char *given = json_string_value(json_object_get(request->body, key));

	return given && strcmp(given, value) == 0;
}

static int enter(struct fake_api *fake, const struct api_request *request, json_t **ret)
{
	bool set_up = strcmp(request->path, "/api/v1/setup") == 0;

	if (set_up && !has(request, "code", FAKE_CODE)) {
		*ret = error("wrong-code", "This is not the setup code. 4 tries are left.");
		return 422;
	}
	if (!set_up &&
		(!has(request, "name", FAKE_NAME) || !has(request, "password", FAKE_PASSWORD))) {
		*ret = error("not-allowed", "Name or password is not right.");
		return 403;
	}
	fake->set_up = true;
	*ret = json_pack("{s:s,s:s,s:s,s:s}", "result", "done", "text", "", "name", FAKE_NAME,
		"role", fake->role ? fake->role : "admin");
	return 200;
}

static int change(struct fake_api *fake, const struct api_request *request, json_t **ret)
{
	const char *path = request->path;

	if (strcmp(path, "/api/v1/login") == 0 || strcmp(path, "/api/v1/setup") == 0)
		return enter(fake, request, ret);
	if (strcmp(path, "/api/v1/password") == 0 && !has(request, "password", FAKE_PASSWORD)) {
		*ret = error("not-allowed", "The password is not right.");
		return 403;
	}
	if (strstr(path, "/approve") && !has(request, "code", FAKE_CODE)) {
		*ret = error("wrong-code",
			"This code is not for th-00412, or has a typo. Nothing was changed. Tries "
			"left: 3.");
		return 422;
	}
	if (strcmp(path, "/api/v1/tokens") == 0 && fake->full) {
		*ret = json_pack("{s:s,s:s,s:[{s:i,s:s}]}", "error", "input", "text",
			"Line 2 is one too many. Nothing was imported.", "refused", "line", 2,
			"text", "is <one> too many");
		return 400;
	}
	if (strcmp(path, "/api/v1/window") == 0)
		fake->window =
			(unsigned)json_integer_value(json_object_get(request->body, "seconds"));
	*ret = json_pack("{s:s,s:s}", "result", "done", "text", "");
	return 200;
}

static void remember(struct fake_api *fake, const struct api_request *request)
{
	fake->changes++;
	snprintf(fake->method, sizeof(fake->method), "%s", request->method);
	snprintf(fake->path, sizeof(fake->path), "%s", request->path);
	fake->caller = *request->caller;
	json_decref(fake->body);
	fake->body = json_deep_copy(request->body);
}

struct late {
	struct late *next;
	int status;
	json_t *body;
	api_done_fn done;
	void *userdata;
};

static void give(struct late *late)
{
	late->done(late->userdata, late->status, late->body);
	json_decref(late->body);
	free(late);
}

static int on_late(sd_event_source *source, void *userdata)
{
	give(userdata);
	sd_event_source_disable_unref(source);
	return 0;
}

void fake_api_release(struct fake_api *fake)
{
	while (fake->first) {
		struct late *late = fake->first;

		fake->first = late->next;
		fake->waiting--;
		give(late);
	}
}

static void postpone(struct fake_api *fake, const struct late *answer)
{
	struct late *late = malloc(sizeof(*late));
	sd_event_source *source = NULL;

	if (!late)
		abort();
	*late = *answer;
	if (fake->held) {
		late->next = fake->first;
		fake->first = late;
		fake->waiting++;
	} else if (sd_event_add_defer(fake->loop, &source, on_late, late) < 0) {
		abort();
	}
}

void __wrap_api_watch(struct api *api, api_news_fn news, void *userdata)
{
	struct fake_api *fake = (struct fake_api *)(void *)api;

	fake->news = news;
	fake->news_userdata = userdata;
}

uint64_t __wrap_api_revision(const struct api *api)
{
	return ((const struct fake_api *)(const void *)api)->revision;
}

void __wrap_api_call(
	struct api *api, const struct api_request *request, api_done_fn done, void *userdata)
{
	struct fake_api *fake = (struct fake_api *)(void *)api;
	bool reads = strcmp(request->method, "GET") == 0;
	json_t *body = NULL;
	int status;

	if (!reads)
		remember(fake, request);
	status = reads ? get(fake, request, &body) : change(fake, request, &body);
	if (fake->late) {
		postpone(fake, &(const struct late){NULL, status, body, done, userdata});
		return;
	}
	done(userdata, status, body);
	json_decref(body);
}
