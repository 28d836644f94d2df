/* SPDX-License-Identifier: MIT */
/*
 * What hiredis 0.14 asks of the allocator may fail, and its error ends the connection; except
 * for one: when the reader gives a big buffer back, it asserts that it gets an empty string
 * (a few bytes, just after it freed kilobytes).
 */
#include "broker/health/redis_reader.h"

#include <errno.h>

/* Memory that a reader with nothing to read keeps. */
enum { KEEP = 4096 };

/*
 * A header of ten bytes may promise 2^31 elements, each of them an array: hiredis would ask for
 * the memory at once.  No reply to a command of ours is long.
 */
static void *make_array(const redisReadTask *task, int elements)
{
    struct redis_reader *reader = task->privdata;

    if (elements > REDIS_READER_ELEMENTS - reader->elements) {
        return NULL;
    }
    reader->elements += elements;
    return reader->make_array(task, elements);
}

int redis_reader_init(struct redis_reader *reader)
{
    *reader = (struct redis_reader){.reader = redisReaderCreate()};
    if (reader->reader == NULL) {
        return -ENOMEM;
    }
    reader->functions = *reader->reader->fn;
    reader->make_array = reader->functions.createArray;
    reader->functions.createArray = make_array;
    reader->reader->fn = &reader->functions;
    reader->reader->privdata = reader;
    reader->reader->maxbuf = KEEP;
    return 0;
}

void redis_reader_done(struct redis_reader *reader)
{
    if (reader->reader != NULL) {
        redisReaderFree(reader->reader);
    }
    *reader = (struct redis_reader){0};
}

int redis_reader_feed(struct redis_reader *reader, const void *data, size_t length)
{
    reader->fed += length;
    return redisReaderFeed(reader->reader, data, length) == REDIS_OK ? 0 : -ENOMEM;
}

int redis_reader_next(struct redis_reader *reader, redisReply **ret_reply)
{
    void *reply = NULL;

    if (redisReaderGetReply(reader->reader, &reply) != REDIS_OK) {
        return -EPROTO;
    }
    if (reply == NULL && reader->fed > REDIS_READER_MAXIMUM) {
        return -EPROTO;
    }
    if (reply != NULL) {
        reader->fed = 0;
        reader->elements = 0;
    }
    *ret_reply = reply;
    return 0;
}

const char *redis_reader_error(const struct redis_reader *reader)
{
    if (reader->reader->err == REDIS_ERR_OOM) {
        return "a reply too long or too deep, or no memory";
    }
    return reader->reader->err == 0 ? "a reply without end" : reader->reader->errstr;
}
