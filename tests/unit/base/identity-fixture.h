/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Certificates and keys that were made for the tests, on P-256; they open nothing. */

#define PUMP_CERTIFICATE                                                     \
	"-----BEGIN CERTIFICATE-----\n"                                      \
	"MIIBdjCCARugAwIBAgIUdOW6KknQiUeNswpY382lk36arvswCgYIKoZIzj0EAwIw\n" \
	"DzENMAsGA1UEAwwEcHVtcDAgFw0yNjExMjkxMTI0MzdaGA8yMTI2MTEwNTExMjQz\n" \
	"N1owDzENMAsGA1UEAwwEcHVtcDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHsn\n" \
	"VyuFedccf8dx51KoC6rzGeeyNx2owWREor0+/m6aPfNTsXegX1SyP79mJmQViY29\n" \
	"5zRtumB+8pAP0qnD/qujUzBRMB0GA1UdDgQWBBSHrRk4woa/m5jO7eAeleisHi/q\n" \
	"zzAfBgNVHSMEGDAWgBSHrRk4woa/m5jO7eAeleisHi/qzzAPBgNVHRMBAf8EBTAD\n" \
	"AQH/MAoGCCqGSM49BAMCA0kAMEYCIQC0w5Ok+FBFwuyIP04pFwAnIfLoK2DNP9ql\n" \
	"NEm5f1t+tAIhANWrd3cPPSn8vR43ez7eMr22OFdPFzws18qJ7bkPR3kz\n"         \
	"-----END CERTIFICATE-----\n"
#define PUMP_KEY                                                             \
	"-----BEGIN PRIVATE KEY-----\n"                                      \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/x7sOaygtETjTarG\n" \
	"ozFBadRt/iU/h0OcZYbVERqqL5OhRANCAAR7J1crhXnXHH/HcedSqAuq8xnnsjcd\n" \
	"qMFkRKK9Pv5umj3zU7F3oF9Usj+/ZiZkFYmNvec0bbpgfvKQD9Kpw/6r\n"         \
	"-----END PRIVATE KEY-----\n"
#define OTHER_KEY                                                            \
	"-----BEGIN PRIVATE KEY-----\n"                                      \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2BxbPm3phEj/sSgb\n" \
	"lbPvWkhE17VK8Q94iYqCSOGBIZShRANCAASB97heuE5MTGmiSESSBZrZBj1K5pLw\n" \
	"XzynmlechAANU7XOD3GJEo21KaSIyFZILA41+3L0km46v3XI18i452g3\n"         \
	"-----END PRIVATE KEY-----\n"
/* Of the same key, under a name with a space. */
#define NAMELESS_CERTIFICATE                                                 \
	"-----BEGIN CERTIFICATE-----\n"                                      \
	"MIIBeTCCAR+gAwIBAgIUWLeP49VVX+XSo8hMAwKqyfBnrmowCgYIKoZIzj0EAwIw\n" \
	"ETEPMA0GA1UEAwwGcHVtcCA3MCAXDTI2MTEyOTIxMTYwN1oYDzIxMjYxMTA1MjEx\n" \
	"NjA3WjARMQ8wDQYDVQQDDAZwdW1wIDcwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n" \
	"AAR7J1crhXnXHH/HcedSqAuq8xnnsjcdqMFkRKK9Pv5umj3zU7F3oF9Usj+/ZiZk\n" \
	"FYmNvec0bbpgfvKQD9Kpw/6ro1MwUTAdBgNVHQ4EFgQUh60ZOMKGv5uYzu3gHpXo\n" \
	"rB4v6s8wHwYDVR0jBBgwFoAUh60ZOMKGv5uYzu3gHpXorB4v6s8wDwYDVR0TAQH/\n" \
	"BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA1/Ay/1N4C2+kmweqBNRYYKWO1s6t\n" \
	"Xzh4qekPU/0UDLECIGb4SH/VS7TKjaTLuqpGjlPOGzMeDbW2Qa7j+2cfAZ8k\n"     \
	"-----END CERTIFICATE-----\n"
