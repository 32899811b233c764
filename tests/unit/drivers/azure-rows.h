/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The rows of the driver 'azure' among all. */

#include "rules.h"

#define FOR_EACH(rules, at, which)                                     \
	for (size_t at = 0; at < rules_case_count; at++)               \
		for (int once = (rules_begin(rules, &rules_cases[at]), \
			     rules_cases[at].has_dps && (which));      \
			once || (rules_end(rules), 0); once = 0)
/* The four rows of it: a key or a certificate, of the device's own or under that of a group. */
#define FOR_EACH_MEANS(rules, at) FOR_EACH(rules, at, true)
#define FOR_EACH_KEY(rules, at)	  FOR_EACH(rules, at, !rules_cases[at].has_x509)
#define FOR_EACH_X509(rules, at)  FOR_EACH(rules, at, rules_cases[at].has_x509)
#define FOR_EACH_ISSUED(rules, at) \
	FOR_EACH(rules, at, rules_cases[at].has_x509 &&rules_cases[at].shared)
#define FOR_EACH_IMPORTED(rules, at) \
	FOR_EACH(rules, at, rules_cases[at].has_x509 && !rules_cases[at].shared)
