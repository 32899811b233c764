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
