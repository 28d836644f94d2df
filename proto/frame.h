/* SPDX-License-Identifier: MIT */
/*
 * Newline framing, the stdio framing of MCP (basic/transports, "stdio"): one
 * message a line, LF at its end, a CR before it and blank lines tolerated.
 * Bytes in, frames out; memory is bounded by the longest frame allowed.
 */
#ifndef TEPLO_PROTO_FRAME_H
#define TEPLO_PROTO_FRAME_H

#include <stddef.h>

#include "proto/base/bytes.h"

struct frame_reader {
    struct bytes buffer; /* bytes read; at most one frame, its line end, and what follows it */
    size_t maximum;      /* of one frame, without its newline */
    size_t taken;        /* front bytes of the buffer already handed out */
    size_t searched;     /* no newline stands between `taken` and here */
    bool skipping;       /* inside a frame that was too long: drop until its newline */
    struct span refused; /* what there is of the frame that was too long; see frame_refused */
};

enum frame_status {
    FRAME_NONE,     /* feed more */
    FRAME_READY,    /* *ret_frame is a frame; valid until the next frame_reserve */
    FRAME_TOO_LONG, /* once for each frame longer than the maximum; its bytes are dropped */
};

void frame_reader_init(struct frame_reader *reader, size_t maximum);
void frame_reader_done(struct frame_reader *reader);
/* At any time; a frame under way may turn out too long by it. */
void frame_reader_set_maximum(struct frame_reader *reader, size_t maximum);
/* The frames handed out are no longer needed: give back what a big one took. */
void frame_reader_trim(struct frame_reader *reader);
/* The same, and what is left empty goes back however small it is. */
void frame_reader_give_back(struct frame_reader *reader);

/*
 * Room to read into: at least 1 byte, at most ATMOST; NULL only when memory is out.
 * Call only after frame_next said FRAME_NONE.  Then frame_fed with what was read.
 */
MUST_CHECK char *frame_reserve(struct frame_reader *reader, size_t atmost, size_t *ret_size);
void frame_fed(struct frame_reader *reader, size_t length);
enum frame_status frame_next(struct frame_reader *reader, struct span *ret_frame);
/* How the frame begins for which frame_next has just said FRAME_TOO_LONG. */
struct span frame_refused(const struct frame_reader *reader);
/* FRAME, which frame_next has just given, was not taken: the next call gives it again. */
void frame_put_back(struct frame_reader *reader, struct span frame);
/* What is held is no whole frame, as far as is known: frame_next would say FRAME_NONE. */
bool frame_reader_is_searched(const struct frame_reader *reader);
/* At the end of the stream: the bytes of an unfinished frame (empty if none). */
struct span frame_rest(const struct frame_reader *reader);
/* Bytes held, for memory accounting. */
size_t frame_reader_held(const struct frame_reader *reader);

#endif
