/* SPDX-License-Identifier: MIT */
#include "client-lib/dash/dash_page.h"

#include "client-lib/formats/sha256.h"

enum { PAGE_MAXIMUM = 1 << 20, POLICY_MAXIMUM = 1024 };

#define EMBEDDED(name) ((struct span){(const char *)dash_page_##name, dash_page_##name##_length})

static void append_base64(struct bytes *out, const unsigned char *data, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned group = (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0) |
                         (left > 2 ? (unsigned)data[i + 2] : 0);

        bytes_append_char(out, digits[group >> 18 & 63]);
        bytes_append_char(out, digits[group >> 12 & 63]);
        bytes_append_char(out, left > 1 ? digits[group >> 6 & 63] : '=');
        bytes_append_char(out, left > 2 ? digits[group & 63] : '=');
    }
}

static void append_digest(struct bytes *policy, struct span text)
{
    unsigned char digest[SHA256_BYTES];
    struct sha256 sha256;

    sha256_init(&sha256);
    sha256_add(&sha256, text);
    sha256_end(&sha256, digest);
    bytes_append_text(policy, "'sha256-");
    append_base64(policy, digest, sizeof(digest));
    bytes_append_text(policy, "'; ");
}

static void append_escaped(struct bytes *html, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            bytes_append_text(html, "&amp;");
            break;
        case '<':
            bytes_append_text(html, "&lt;");
            break;
        case '>':
            bytes_append_text(html, "&gt;");
            break;
        case '"':
            bytes_append_text(html, "&quot;");
            break;
        default:
            bytes_append_char(html, *text);
            break;
        }
    }
}

/* Up to the next mark @WORD@ of three that are known. */
static void append_filled(struct bytes *html, struct span rest, const char *title)
{
    static const struct span title_mark = SPAN_INIT("@TITLE@");
    static const struct span style_mark = SPAN_INIT("@STYLE@");
    static const struct span script_mark = SPAN_INIT("@SCRIPT@");
    size_t taken;

    for (; rest.length > 0; rest = (struct span){rest.at + taken, rest.length - taken}) {
        if (span_starts_with(rest, title_mark)) {
            append_escaped(html, title);
            taken = title_mark.length;
        } else if (span_starts_with(rest, style_mark)) {
            bytes_append_span(html, EMBEDDED(style));
            taken = style_mark.length;
        } else if (span_starts_with(rest, script_mark)) {
            bytes_append_span(html, EMBEDDED(script));
            taken = script_mark.length;
        } else {
            bytes_append_char(html, rest.at[0]);
            taken = 1;
        }
    }
}

bool dash_page_init(struct dash_page *page, const char *title)
{
    bytes_init(&page->html, PAGE_MAXIMUM);
    bytes_init(&page->policy, POLICY_MAXIMUM);
    append_filled(&page->html, EMBEDDED(html), title);
    bytes_append_text(&page->policy, "default-src 'none'; script-src ");
    append_digest(&page->policy, EMBEDDED(script));
    bytes_append_text(&page->policy, "style-src ");
    append_digest(&page->policy, EMBEDDED(style));
    /* The icon is a data: address; and no text becomes markup, even if we forgot ourselves. */
    bytes_append_text(&page->policy,
                      "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'; require-trusted-types-for 'script'; "
                      "trusted-types 'none'");
    if (page->html.failed || page->policy.failed || bytes_text(&page->policy) == NULL) {
        dash_page_done(page);
        return false;
    }
    return true;
}

void dash_page_done(struct dash_page *page)
{
    bytes_done(&page->html);
    bytes_done(&page->policy);
}
