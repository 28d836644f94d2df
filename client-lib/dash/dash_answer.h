/* SPDX-License-Identifier: MIT */
/*
 * Answers: the headers that each has, and the forms there are.  Each function ends REQUEST, whose
 * connection may be gone by then.
 */
#ifndef TEPLO_DASH_ANSWER_H
#define TEPLO_DASH_ANSWER_H

#include "client-lib/dash/dash_page.h"
#include "client-lib/dash/sheet.h"

struct evhttp_request;

/* {"error": FAULT}, which is our own word. */
void dash_answer_fault(struct evhttp_request *request, int status, const char *fault);
void dash_answer_page(struct evhttp_request *request, const struct dash_page *page);
/* SHEET, or that it has not changed; its age is said.  The caller's hold stays the caller's. */
void dash_answer_sheet(struct evhttp_request *request, struct sheet *sheet);
void dash_answer_json(struct evhttp_request *request, int status, struct span text);

#endif
