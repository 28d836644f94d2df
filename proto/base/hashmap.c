/* SPDX-License-Identifier: MIT */
/* Open addressing with linear probing and backward-shift deletion: no tombstones to collect. */
#include "proto/base/hashmap.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

#include "proto/base/mem.h"

enum { FIRST_CAPACITY = 16 };

static uint64_t seed[2];
/* Several threads may make their first map at once. */
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein): keyed, so that a peer cannot choose collisions. */
static uint64_t hash_of(struct span key)
{
    uint64_t v[4] = {seed[0] ^ UINT64_C(0x736f6d6570736575), seed[1] ^ UINT64_C(0x646f72616e646f6d),
                     seed[0] ^ UINT64_C(0x6c7967656e657261),
                     seed[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t last = (uint64_t)key.length << 56;
    size_t i = 0;
    uint64_t word;

    for (; i + 8 <= key.length; i += 8) {
        memcpy(&word, key.at + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (unsigned shift = 0; i < key.length; i++, shift += 8) {
        last |= (uint64_t)(unsigned char)key.at[i] << shift;
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void make_seed(void)
{
    /* Without entropy the map still works, only less guarded. */
    (void)!getrandom(seed, sizeof(seed), GRND_NONBLOCK);
}

void hashmap_init(struct hashmap *map)
{
    (void)pthread_once(&seeded, make_seed);
    *map = (struct hashmap){0};
}

void hashmap_done(struct hashmap *map)
{
    mem_free(map->slots);
    *map = (struct hashmap){0};
}

/* The slot that holds KEY, or the free slot where it would go. */
static struct hashmap_slot *slot_of(const struct hashmap *map, struct span key, uint64_t hash)
{
    size_t i = hash & (map->capacity - 1);

    while (map->slots[i].value != NULL &&
           !(map->slots[i].hash == hash && span_equal(map->slots[i].key, key))) {
        i = (i + 1) & (map->capacity - 1);
    }
    return &map->slots[i];
}

void *hashmap_find(const struct hashmap *map, struct span key)
{
    return map->count == 0 ? NULL : slot_of(map, key, hash_of(key))->value;
}

static int grow(struct hashmap *map)
{
    struct hashmap bigger = {.capacity = map->capacity == 0 ? FIRST_CAPACITY : map->capacity * 2};

    bigger.slots = mem_new(bigger.capacity * sizeof(*bigger.slots));
    if (bigger.slots == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].value != NULL) {
            *slot_of(&bigger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
        }
    }
    bigger.count = map->count;
    mem_free(map->slots);
    *map = bigger;
    return 0;
}

int hashmap_add(struct hashmap *map, struct span key, void *value)
{
    uint64_t hash = hash_of(key);
    struct hashmap_slot *slot;

    CHECK(value != NULL);
    /* At most three quarters full, so that probing stays short and always ends. */
    if ((map->count + 1) * 4 > map->capacity * 3) {
        int r = grow(map);

        if (r < 0) {
            return r;
        }
    }
    slot = slot_of(map, key, hash);
    CHECK(slot->value == NULL);
    *slot = (struct hashmap_slot){key, hash, value};
    map->count++;
    return 0;
}

void *hashmap_take(struct hashmap *map, struct span key)
{
    struct hashmap_slot *slot;
    void *value;
    size_t mask = map->capacity - 1;
    size_t hole;

    if (map->count == 0) {
        return NULL;
    }
    slot = slot_of(map, key, hash_of(key));
    value = slot->value;
    if (value == NULL) {
        return NULL;
    }
    hole = (size_t)(slot - map->slots);
    for (size_t i = (hole + 1) & mask; map->slots[i].value != NULL; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;

        /* An element may move back into the hole only if its home is not behind the hole. */
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct hashmap_slot){0};
    map->count--;
    return value;
}

void *hashmap_any(const struct hashmap *map)
{
    HASHMAP_FOREACH (slot, map) {
        return slot->value;
    }
    return NULL;
}
