/* SPDX-License-Identifier: MIT */
/* A publisher whose Redis is never reached; with a real one: tests/e2e/test_redis_*.py. */
#include "unit.h"

#include "broker/health/process_figures.h"
#include "broker/health/redis_publisher.h"
#include "broker/health/redis_text.h"

/* Nobody listens on a path that is not there. */
#define NOWHERE "unix:///nonexistent/redis.sock"

struct waiting {
    struct loop *loop;
    struct redis_publisher *publisher;
    unsigned flushed;
    unsigned failed;
    unsigned closed;
};

static const struct redis_options options = {.access = {.url = NOWHERE},
                                             .name_space = "main",
                                             .tick_ms = 1000,
                                             .instance = "i-test-00000000"};

static void take(void *owner, struct snapshot *snapshot)
{
    (void)owner;
    (void)snapshot;
}

static void on_flushed(void *owner, bool ok, uint64_t seq)
{
    struct waiting *waiting = owner;

    (void)seq;
    waiting->flushed++;
    waiting->failed += ok ? 0 : 1;
}

static void on_closed(void *owner)
{
    struct waiting *waiting = owner;

    waiting->closed++;
    loop_stop(waiting->loop);
}

static int start(struct waiting *waiting)
{
    *waiting = (struct waiting){.loop = loop_new()};
    assert_non_null(waiting->loop);
    waiting->publisher = redis_publisher_new(waiting->loop, &options, take, waiting);
    assert_non_null(waiting->publisher);
    return 0;
}

static void end(struct waiting *waiting)
{
    redis_publisher_free(waiting->publisher);
    loop_free(waiting->loop);
}

static void test_bad_options(void **state)
{
    struct loop *loop = loop_new();
    struct redis_options bad = options;

    (void)state;
    assert_non_null(loop);
    bad.access.url = "http://h";
    assert_null(redis_publisher_new(loop, &bad, take, NULL));
    bad = options;
    bad.name_space = "Main";
    assert_null(redis_publisher_new(loop, &bad, take, NULL));
    bad = options;
    bad.tick_ms = 0;
    assert_null(redis_publisher_new(loop, &bad, take, NULL));
    loop_free(loop);
}

static bool make(void)
{
    struct loop *loop = loop_new();
    struct redis_publisher *publisher = NULL;

    if (loop != NULL) {
        publisher = redis_publisher_new(loop, &options, take, NULL);
        redis_publisher_free(publisher);
        loop_free(loop);
    }
    return publisher != NULL;
}

static void test_without_memory(void **state)
{
    (void)state;
    each_allocation_fails(make);
}

static void test_freed_with_all_that_waits(void **state)
{
    struct waiting waiting;

    (void)state;
    start(&waiting);
    redis_publisher_event(waiting.publisher, "start", "info", NULL, NULL, NULL, "serving");
    assert_int_equal(redis_publisher_flush(waiting.publisher, on_flushed, &waiting), 0);
    end(&waiting);
    assert_int_equal(waiting.flushed, 0);
}

static void test_closed_without_redis(void **state)
{
    struct waiting waiting;

    (void)state;
    start(&waiting);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(redis_publisher_flush(waiting.publisher, on_flushed, &waiting), 0);
    }
    redis_publisher_close(waiting.publisher, on_closed, &waiting);
    redis_publisher_close(waiting.publisher, on_closed, &waiting);
    assert_int_equal(waiting.closed + waiting.flushed, 0);
    assert_int_equal(loop_run(waiting.loop), 0);
    assert_int_equal(waiting.closed, 1);
    assert_int_equal(waiting.flushed, 3);
    assert_int_equal(waiting.failed, 3);
    end(&waiting);
}

static void test_a_cancelled_flush_is_silent(void **state)
{
    struct waiting waiting;
    struct waiting other = {0};

    (void)state;
    start(&waiting);
    assert_int_equal(redis_publisher_flush(waiting.publisher, on_flushed, &other), 0);
    assert_int_equal(redis_publisher_flush(waiting.publisher, on_flushed, &waiting), 0);
    assert_int_equal(redis_publisher_flush(waiting.publisher, on_flushed, &other), 0);
    redis_publisher_flush_cancel(waiting.publisher, &other);
    redis_publisher_flush_cancel(waiting.publisher, &other);
    redis_publisher_close(waiting.publisher, on_closed, &waiting);
    assert_int_equal(loop_run(waiting.loop), 0);
    assert_int_equal(other.flushed, 0);
    assert_int_equal(waiting.flushed, 1);
    end(&waiting);
}

/* Frees what called it, from within. */
static void on_flushed_free(void *owner, bool ok, uint64_t seq)
{
    struct waiting *waiting = owner;

    on_flushed(owner, ok, seq);
    redis_publisher_free(waiting->publisher);
    waiting->publisher = NULL;
    loop_stop(waiting->loop);
}

static void test_freed_by_a_flush(void **state)
{
    struct waiting waiting;

    (void)state;
    start(&waiting);
    assert_int_equal(redis_publisher_flush(waiting.publisher, on_flushed_free, &waiting), 0);
    assert_int_equal(redis_publisher_flush(waiting.publisher, on_flushed, &waiting), 0);
    assert_int_equal(loop_run(waiting.loop), 0);
    assert_int_equal(waiting.flushed, 1);
    assert_null(waiting.publisher);
    end(&waiting);
}

static void test_without_a_publisher(void **state)
{
    struct instance_row row = {0};

    (void)state;
    redis_publisher_fill(NULL, &row);
    assert_string_equal(row.redis_state, "off");
    redis_publisher_free(NULL);
}

static void test_figures_of_the_process(void **state)
{
    struct process_figures figures = {0};
    struct instance_row row = {0};

    (void)state;
    process_figures_fill(&figures, &row);
    assert_int_equal(row.pid, getpid());
    assert_true(row.rss_bytes > 100000);
    assert_in_range(row.fds, 3, row.fds_max);
    assert_true(row.cpu_pct >= 0 && row.cpu_pct <= 100);
    assert_true(strlen(row.host) > 0);
}

static void test_ids_of_instances(void **state)
{
    char one[40];
    char other[40];

    (void)state;
    health_instance_id(one);
    health_instance_id(other);
    assert_string_not_equal(one, other);
    assert_true(redis_text_is_name(one));
    assert_int_equal(strncmp(one, "i-", 2), 0);
    assert_int_equal(strspn(one + strlen(one) - 8, "0123456789abcdef"), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_freed_with_all_that_waits),
        cmocka_unit_test(test_closed_without_redis),
        cmocka_unit_test(test_a_cancelled_flush_is_silent),
        cmocka_unit_test(test_freed_by_a_flush),
        cmocka_unit_test(test_without_a_publisher),
        cmocka_unit_test(test_figures_of_the_process),
        cmocka_unit_test(test_ids_of_instances),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
