/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Paho 1.3.12 (Debian 12) and 1.3.14 (Debian 13). The headers carry no version, so nothing here is
 * chosen at compile time: each rule holds for both.
 *
 * - A server's DISCONNECT: 1.3.12 calls 'disconnected' and then not 'connectionLost'. Whichever
 *   comes first counts.
 * - The reason of a refused CONNECT is in failureData5.code, that of a refused PUBLISH or SUBSCRIBE
 *   in .reasonCode.
 * - Server Keep Alive of CONNACK: only 1.3.14 obeys it. We ask for it on the next connection.
 * - Destroying the last handle stops Paho's threads, waits for them for up to a second, and frees
 *   its globals; the worker keeps one unconnected handle from start to end.
 * - With the window of CONNACK full, 1.3.12 sleeps a second; uplink-window.c never fills it beyond.
 * - MQTTAsync_destroy() of 1.3.12 leaks the payloads of publications that it has not begun to write
 *   (the socket was full); 1.3.14 does not. The caller's window bounds it for each loss.
 * - Connect time-outs are looked at every 3 s only. Ours is a timer of the loop.
 * - 1.3.12 obeys http_proxy and https_proxy of the environment, 1.3.14 only with
 *   PAHO_C_CLIENT_USE_HTTP_PROXY. main() clears them.
 * - In TLS 1.3 a broker refuses our certificate after the client's part of the handshake is done.
 * Both read the alert and do not tell it, and often the reset of the broker, which has our CONNECT
 *   unread, overtakes it: that refusal looks like a broken line, and sslVersion sets no upper
 *   limit; uplink-why.c asks again without a CONNECT. In TLS 1.2 the alert is part of the handshake
 *   and told.
 * - The message of a failed connect is "TCP connect completion failure" when the CONNECT was sent
 * and the connection ended before the CONNACK, in 1.3.12, 1.3.13, 1.3.14 and what came after it
 * until 2026, and others when it did not come so far. It is the only thing that tells the two
 * apart; tests/system/test_aws_jit.py sees it by what is done then.
 * - Both set SIGPIPE to be ignored, process-wide.
 */

#include <MQTTAsync.h>
#include <limits.h>

/* Paho's own limit on queued publications is off: ours is UPLINK_OUTSTANDING_MAX. */
#define PAHO_BUFFERED_MAX INT_MAX

/* Longer than our own, so that Paho's never decides. Seconds. */
#define PAHO_CONNECT_TIMEOUT 60

/* The CONNACK reason of a failed connect (positive), or a MQTTASYNC_* code (negative). */
static inline int paho_connect_code(const MQTTAsync_failureData5 *data)
{
	return data->code > 0 || data->reasonCode <= 0 ? data->code : (int)data->reasonCode;
}
