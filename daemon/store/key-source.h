/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the key-encryption key comes from, from the weakest to the strongest. A credential that
 * systemd decrypts may say of itself with what it is sealed.
 */
enum key_source {
	KEY_FILE,	/* <state>/key */
	KEY_CREDENTIAL, /* a credential that does not say more */
	KEY_HOST,	/* a credential, sealed with the host's key */
	KEY_TPM2,	/* a credential, sealed with the TPM2 and the host's key */
	KEY_SOURCES
};
const char *key_source_to_string(enum key_source source);
int key_source_from_string(const char *text, enum key_source *ret_source);
