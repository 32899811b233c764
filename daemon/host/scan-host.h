/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Labels that a person scans: to decide on a device, or before the device was heard. */

#include "host/act.h"
#include "host/host.h"

/* ---- scan-host.c: the act ---- */
/* True when what was typed is meant as a GH1 label; 'device' NULL: there is none yet. */
bool scan_is_label(const struct act_call *call, const struct device *device);
/* Decides on the device by its label (act->code). Without a device the label names it (or act->ep).
 */
void scan_act(struct act_call *call, struct device *device);

/* ---- scan-window.c: the window for one label alone ---- */
/* True while whoever proves the label of exactly this name is taken in. */
bool scan_is_open(const struct host *host, const char *ep);
/* True when the device has proved this label. */
bool scan_has_proved(const struct device *device, const struct label *label);
/* Takes the device in when its label's window is open and it has proved it. */
void scan_look(struct host *host, struct device *device);
/* Another decision was made: the window for this name ends with it. */
void scan_end(struct host *host, const char *ep);
/* ACT_LABEL_CANCEL: act->ep. */
void scan_cancel(struct host *host, const struct act *act, act_done_fn done, void *userdata);
/* Looks for what is over, and plans the next look. At start, and after each change. */
void scan_plan(struct host *host);
