/* SPDX-License-Identifier: MIT */
/* The fair queue against its contract: order within a party, turns across parties, limits. */
#include "unit.h"

#include "broker/pool/pool.h"

enum { PARTIES = 5, EACH = 40, LIMIT = 2 };

static struct queue queue;
static struct pool_waiter waiters[PARTIES + 1][EACH];

static int open_queue(void **state)
{
    (void)state;
    memset(waiters, 0, sizeof(waiters));
    for (int64_t party = 0; party <= PARTIES; party++) {
        for (size_t i = 0; i < EACH; i++) {
            waiters[party][i].party_number = party;
            waiters[party][i].bytes = 10;
        }
    }
    queue_init(&queue, 0);
    return 0;
}

static int close_queue(void **state)
{
    struct pool_waiter *waiter;

    (void)state;
    while ((waiter = queue_oldest(&queue)) != NULL) {
        queue_remove(&queue, waiter);
    }
    assert_int_equal(queue.bytes, 0);
    queue_done(&queue);
    return 0;
}

static void wait_for(int64_t party, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        assert_int_equal(queue_append(&queue, &waiters[party][i]), 0);
    }
}

static const struct pool_waiter *take(void)
{
    struct party *party = queue_turn(&queue);

    return party == NULL ? NULL : queue_take(&queue, party);
}

static void test_in_order_of_arrival(void **state)
{
    (void)state;
    wait_for(1, 0, EACH);
    for (size_t i = 0; i < EACH; i++) {
        assert_ptr_equal(take(), &waiters[1][i]);
    }
    assert_null(take());
}

static void test_parties_in_turn(void **state)
{
    (void)state;
    /* One has many, and was first. */
    wait_for(1, 0, EACH);
    wait_for(2, 0, 2);
    wait_for(3, 0, 1);
    assert_ptr_equal(take(), &waiters[1][0]);
    assert_ptr_equal(take(), &waiters[2][0]);
    assert_ptr_equal(take(), &waiters[3][0]);
    assert_ptr_equal(take(), &waiters[1][1]);
    /* Who comes now is behind those who wait, and before the second call of any of them. */
    wait_for(4, 0, 1);
    assert_ptr_equal(take(), &waiters[2][1]);
    assert_ptr_equal(take(), &waiters[1][2]);
    assert_ptr_equal(take(), &waiters[4][0]);
    assert_ptr_equal(take(), &waiters[1][3]);
}

static void test_every_head_within_one_round(void **state)
{
    size_t served[PARTIES + 1] = {0};

    (void)state;
    for (int64_t party = 1; party <= PARTIES; party++) {
        wait_for(party, 0, EACH);
    }
    for (size_t round = 1; round <= EACH; round++) {
        for (size_t i = 0; i < PARTIES; i++) {
            const struct pool_waiter *waiter = take();

            assert_non_null(waiter);
            served[waiter == NULL ? 0 : waiter->party_number]++; /* cmocka's end is no noreturn */
        }
        for (size_t party = 1; party <= PARTIES; party++) {
            assert_row(round, served[party] == round);
        }
    }
}

static void test_a_party_at_its_limit_is_passed_over(void **state)
{
    (void)state;
    queue_set_max_inflight(&queue, LIMIT);
    wait_for(1, 0, 4);
    wait_for(2, 0, 1);
    for (int i = 0; i < LIMIT; i++) {
        struct party *party = queue_find_party(&queue, 1);

        (void)queue_take(&queue, party);
        queue_count_call(&queue, party);
    }
    assert_ptr_equal(take(), &waiters[2][0]);
    assert_null(take());
    assert_int_equal(queue.arrivals.count, 2);
    /* One of its calls ends: one more. */
    queue_count_settled(&queue, queue_find_party(&queue, 1));
    assert_ptr_equal(take(), &waiters[1][2]);
    /* The limit is raised, or lifted. */
    queue_count_call(&queue, queue_find_party(&queue, 1));
    assert_null(take());
    queue_set_max_inflight(&queue, 0);
    assert_ptr_equal(take(), &waiters[1][3]);
    queue_count_settled(&queue, queue_find_party(&queue, 1));
    queue_count_settled(&queue, queue_find_party(&queue, 1));
}

static void test_the_broker_itself_has_no_limit(void **state)
{
    (void)state;
    queue_set_max_inflight(&queue, 1);
    wait_for(PARTY_NOBODY, 0, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(take(), &waiters[PARTY_NOBODY][i]);
        queue_count_call(&queue, queue_find_party(&queue, PARTY_NOBODY));
    }
}

static void test_in_front_of_all(void **state)
{
    (void)state;
    wait_for(1, 0, 2);
    wait_for(2, 0, 2);
    assert_int_equal(queue_prepend(&queue, &waiters[2][5]), 0);
    assert_ptr_equal(queue_oldest(&queue), &waiters[2][5]);
    assert_ptr_equal(take(), &waiters[2][5]);
    assert_ptr_equal(take(), &waiters[1][0]);
    assert_ptr_equal(take(), &waiters[2][0]);
}

static void test_removed(void **state)
{
    (void)state;
    wait_for(1, 0, 3);
    wait_for(2, 0, 1);
    assert_int_equal(queue.bytes, 40);
    queue_remove(&queue, &waiters[1][0]);
    queue_remove(&queue, &waiters[1][0]);
    assert_int_equal(queue.bytes, 30);
    /* Its party keeps its turn. */
    assert_ptr_equal(take(), &waiters[1][1]);
    queue_remove(&queue, &waiters[2][0]);
    assert_ptr_equal(take(), &waiters[1][2]);
}

static void test_who_makes_room(void **state)
{
    struct pool_waiter of_1 = {.party_number = 1, .bytes = 10};
    struct pool_waiter of_2 = {.party_number = 2, .bytes = 10};
    struct pool_waiter of_3 = {.party_number = 3, .bytes = 10};

    (void)state;
    assert_null(queue_victim(&queue, &of_1, 0));
    wait_for(1, 0, 3);
    wait_for(2, 0, 5);
    /* The latest of the one with the most, if it still has as much as who comes then. */
    assert_ptr_equal(queue_victim(&queue, &of_1, 0), &waiters[2][4]);
    assert_ptr_equal(queue_victim(&queue, &of_3, 0), &waiters[2][4]);
    assert_null(queue_victim(&queue, &of_2, 0));
    /* One that waits for its first call takes nobody's only one. */
    queue_remove(&queue, &waiters[1][2]);
    queue_remove(&queue, &waiters[1][1]);
    for (size_t i = 1; i < 5; i++) {
        queue_remove(&queue, &waiters[2][i]);
    }
    assert_null(queue_victim(&queue, &of_3, 0));
}

static void test_who_makes_room_in_bytes(void **state)
{
    struct pool_waiter newcomer = {.party_number = 3, .bytes = 50};

    (void)state;
    /* Many small ones, and one large one, which is why there is no room. */
    wait_for(1, 0, 6);
    waiters[2][0].bytes = 200;
    wait_for(2, 0, 1);
    assert_int_equal(queue.bytes, 260);
    assert_ptr_equal(queue_victim(&queue, &newcomer, 300), &waiters[2][0]);
    /* Nobody goes for nothing: what would have to go is more than the heaviest has to spare. */
    newcomer.bytes = 250;
    assert_null(queue_victim(&queue, &newcomer, 300));
}

static void test_ready(void **state)
{
    struct party *party;

    (void)state;
    queue_set_max_inflight(&queue, LIMIT);
    wait_for(1, 0, 5);
    wait_for(2, 0, 1);
    /* Only so many of one party could go, however many there are. */
    assert_int_equal(queue.ready, LIMIT + 1);
    assert_ptr_equal(queue_oldest_ready(&queue), &waiters[1][0]);
    party = queue_find_party(&queue, 1);
    for (int i = 0; i < LIMIT; i++) {
        (void)queue_take(&queue, party);
        queue_count_call(&queue, party);
    }
    assert_int_equal(queue.ready, 1);
    assert_ptr_equal(queue_oldest_ready(&queue), &waiters[2][0]);
    assert_ptr_equal(queue_oldest(&queue), &waiters[1][LIMIT]);
    queue_remove(&queue, &waiters[2][0]);
    assert_int_equal(queue.ready, 0);
    assert_null(queue_oldest_ready(&queue));
    queue_set_max_inflight(&queue, LIMIT + 2);
    assert_int_equal(queue.ready, 2);
    queue_set_max_inflight(&queue, 0);
    assert_int_equal(queue.ready, 3);
    queue_count_settled(&queue, party);
    queue_count_settled(&queue, party);
    assert_int_equal(queue.ready, 3);
}

static void test_a_party_goes_when_it_owes_nothing(void **state)
{
    struct party *party;
    struct session *session = (struct session *)(void *)&queue; /* never looked into */

    (void)state;
    wait_for(1, 0, 1);
    party = queue_find_party(&queue, 1);
    queue_leave(&queue, party);
    assert_non_null(queue_find_party(&queue, 1));
    (void)queue_take(&queue, party);
    queue_count_call(&queue, party);
    party->session = session;
    queue_count_settled(&queue, party);
    assert_non_null(queue_find_party(&queue, 1));
    queue_release(&queue, party);
    assert_null(queue_find_party(&queue, 1));
    assert_null(queue_find_party(&queue, 2));
}

static void test_unserved(void **state)
{
    (void)state;
    wait_for(1, 0, 2);
    wait_for(2, 0, 1);
    assert_int_equal(queue_unserved(&queue), 2);
    queue_find_party(&queue, 1)->session = (struct session *)(void *)&queue;
    assert_int_equal(queue_unserved(&queue), 1);
    queue_find_party(&queue, 1)->session = NULL;
}

#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, open_queue, close_queue)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_in_order_of_arrival),
        QUEUE_TEST(test_parties_in_turn),
        QUEUE_TEST(test_every_head_within_one_round),
        QUEUE_TEST(test_a_party_at_its_limit_is_passed_over),
        QUEUE_TEST(test_the_broker_itself_has_no_limit),
        QUEUE_TEST(test_in_front_of_all),
        QUEUE_TEST(test_removed),
        QUEUE_TEST(test_who_makes_room),
        QUEUE_TEST(test_who_makes_room_in_bytes),
        QUEUE_TEST(test_ready),
        QUEUE_TEST(test_a_party_goes_when_it_owes_nothing),
        QUEUE_TEST(test_unserved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
