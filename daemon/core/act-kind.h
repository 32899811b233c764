/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The acts of people, each with what it needs in struct act (act.h). */

enum act_kind {
	ACT_WINDOW_OPEN, /* number = seconds */
	ACT_WINDOW_CLOSE,
	ACT_ADMIT,   /* device; text name, place, owner: may be "" = leave as it is */
	ACT_APPROVE, /* device; code (may be "": no code, where that is allowed), name, place, owner
		      */
	ACT_REJECT,  /* device */
	ACT_SUSPEND,
	ACT_RESUME,
	ACT_REVOKE,
	ACT_RELEASE,
	ACT_BLOCK,
	ACT_UNBLOCK,
	ACT_FORGET,	 /* device; deletes record and readings */
	ACT_RENAME,	 /* device; name, place, owner */
	ACT_IDENTIFY,	 /* device; number = seconds */
	ACT_UNLOCK_CODE, /* device */
	ACT_SHOW_CODE,	 /* device: its display cannot be read, its code is shown here instead */
	ACT_COMMAND,	 /* device; its name, its arguments; number = seconds that it waits, 0 = as
			    long as is allowed */
	ACT_REPLACE,	 /* device; ep: the id of the one that waits and takes its place */
	ACT_ADD,	 /* address as typed, ep ("" = the device says it) */
	ACT_EXPORT,	 /* root on the control socket only; device; secret: the public key of the
			    gateway that it goes to, in hex; it comes back in outcome.parcel */
	ACT_CLEAR_ALARM, /* alarm id in 'name', its subject in 'place' */
	ACT_SETUP_CODE,	 /* root on the control socket only: makes the one-time setup code; it comes
			    back in outcome.text */
	ACT_SETUP, /* code, name, secret = password: the first administrator; needs no session */
	ACT_LOGIN, /* name, secret = password; outcome.person is filled */
	ACT_PASSWORD_FRESH, /* name (the caller), secret: the password once more */
	ACT_PASSWORD_NEW,   /* name (the caller), secret: another one */
	ACT_PERSON_PUT,	    /* name, role, secret ("" = keep): new or changed */
	ACT_PERSON_DROP,    /* name */
	ACT_TOKENS_PUT,	    /* comes with a struct token_list; number = import that it goes on with,
			       more     = others follow */
	ACT_TOKEN_DROP,	    /* ep */
	ACT_OPERATOR_PUT,   /* comes with the token */
	ACT_OPERATOR_DROP,
	ACT_KEY,    /* root on the control socket only; name: where the key comes from from now on,
		       secret: its text, "" = made here */
	ACT_BACKUP, /* root on the control socket only; secret: the key for the copy, in hex */
	ACT_CODES_PUT,	  /* as ACT_TOKENS_PUT, with a struct label_list */
	ACT_CODE_DROP,	  /* ep */
	ACT_LABEL_SCAN,	  /* code: a label; ep when it is not in it; name, place, owner. For the
			     device of that name, heard or not */
	ACT_LABEL_CANCEL, /* ep: its label is not waited for any more */
	ACT_IMPORT,	  /* comes with a parcel */
	ACT_CA_PUT,	  /* comes with a certificate; name; number: enum ca_policy */
	ACT_CA_DROP, /* secret: its fingerprint, or as many digits as tell it from the others */
	ACT_SITE_CA_MAKE,   /* name: of the authority, "" = by the gateway's id; more = in the place
			       of the one that is there */
	ACT_SITE_CA_IMPORT, /* comes with a certificate and its key; more: likewise */
	ACT_SITE_CA_PROVE,  /* code: of a platform; what proves it comes back in outcome.parcel */
	ACTS
};
const char *act_kind_to_string(enum act_kind kind); /* "admit", ... as in the audit */
