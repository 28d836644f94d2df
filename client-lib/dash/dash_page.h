/* SPDX-License-Identifier: MIT */
/*
 * The page: index.html, style and scripts, put into this program when it was built (page.cmake)
 * and into one text when it starts.  Its Content-Security-Policy names that one script and that
 * one style by their digests; nothing else may run, be fetched or frame the page.
 */
#ifndef TEPLO_DASH_PAGE_H
#define TEPLO_DASH_PAGE_H

#include "proto/base/bytes.h"

struct dash_page {
    struct bytes html;
    struct bytes policy;
};

/* TITLE is text, whatever is in it.  False: no memory. */
MUST_CHECK bool dash_page_init(struct dash_page *page, const char *title);
void dash_page_done(struct dash_page *page);

/* Of page.cmake. */
extern const unsigned char dash_page_html[];
extern const size_t dash_page_html_length;
extern const unsigned char dash_page_style[];
extern const size_t dash_page_style_length;
extern const unsigned char dash_page_script[];
extern const size_t dash_page_script_length;

#endif
