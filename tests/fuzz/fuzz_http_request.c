/* SPDX-License-Identifier: MIT */
/*
 * The head of a request, fed in pieces, means what it means when it comes at once; it is bounded,
 * and what is found lies in what was kept.  The first byte: the cuts.
 */
#include "fuzz.h"

#include "broker/control/http_request.h"
#include "broker/control/loopback.h"

static enum http_take feed(struct http_request *request, struct span input, uint32_t seed)
{
    enum http_take take = HTTP_MORE;

    http_request_init(request);
    while (input.length > 0 && take == HTTP_MORE) {
        size_t size = seed == 0 ? input.length : 1 + fuzz_next_size(&seed, 4000);

        size = size < input.length ? size : input.length;
        take = http_request_feed(request, (struct span){input.at, size});
        input = (struct span){input.at + size, input.length - size};
        PROPERTY(request->taken <= HTTP_HEAD_MAXIMUM);
    }
    return take;
}

static void look_over(const struct http_request *request)
{
    PROPERTY(fuzz_is_inside(request->path, bytes_span(&request->target)) ||
             span_is_none(request->path));
    PROPERTY(fuzz_is_inside(request->query, bytes_span(&request->target)) ||
             span_is_none(request->query));
    (void)http_request_wants_openmetrics(request);
    (void)http_request_asks(request, "verbose");
    (void)loopback_is_host(request->host);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    struct span input = fuzz_input(at, size);
    uint32_t seed = 1 + fuzz_take_byte(&input);
    struct http_request whole;
    struct http_request pieces;
    enum http_take take = feed(&whole, input, 0);

    PROPERTY(feed(&pieces, input, seed) == take);
    PROPERTY(take != HTTP_REFUSED || (whole.refusal != NULL && whole.status == pieces.status));
    if (take == HTTP_WHOLE) {
        PROPERTY(span_equal(whole.path, pieces.path) && span_equal(whole.query, pieces.query));
        PROPERTY(span_equal(whole.host, pieces.host) && whole.is_head == pieces.is_head);
        look_over(&whole);
    }
    http_request_done(&whole);
    http_request_done(&pieces);
    return 0;
}
