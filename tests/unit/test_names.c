/* SPDX-License-Identifier: MIT */
#include "vectors.h"

#include "client-lib/formats/names.h"
#include "client-lib/formats/sha256.h"
#include "client-lib/include/teplo.h"

static void digest_of(struct span text, size_t piece, char hex[65])
{
    unsigned char digest[SHA256_BYTES];
    struct sha256 sha256;

    sha256_init(&sha256);
    for (size_t at = 0; at < text.length; at += piece) {
        size_t left = text.length - at;

        sha256_add(&sha256, (struct span){text.at + at, left < piece ? left : piece});
    }
    sha256_end(&sha256, digest);
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
}

/* The examples of FIPS 180-4, and lengths around the ends of a block. */
static void test_sha256(void **state)
{
    static char million[1000000];
    static const struct {
        struct span text;
        const char *digest;
    } rows[] = {
        {SPAN_INIT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {SPAN_INIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {SPAN_INIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {SPAN_INIT("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                   "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {{million, 55}, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {{million, 56}, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {{million, 63}, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {{million, 64}, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {{million, 1000000}, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    char hex[65];

    (void)state;
    memset(million, 'a', sizeof(million));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        digest_of(rows[i].text, SIZE_MAX / 2, hex);
        assert_string_equal(hex, rows[i].digest);
        digest_of(rows[i].text, 7, hex);
        assert_string_equal(hex, rows[i].digest);
    }
}

static const char *const changes[] = {"kept", "prefixed", "altered", "impossible"};

static void play_public(struct span vector)
{
    unsigned flags = json_kind_of(json_find(vector, "prefix")) == JSON_TRUE ? TEPLO_T_PREFIX : 0;
    struct bytes server;
    struct bytes tool;
    struct bytes expected;
    struct bytes out;
    enum name_change change;

    bytes_init(&server, 1000);
    bytes_init(&tool, 1000);
    bytes_init(&expected, 1000);
    bytes_init(&out, PUBLIC_NAME_MAXIMUM);
    change = public_name(vector_text(vector, "server", &server), vector_text(vector, "tool", &tool),
                         flags, &out);
    (void)vector_text(vector, "public", &expected);
    assert_false(out.failed);
    vector_expect("public", bytes_span(&out), bytes_span(&expected));
    (void)vector_text(vector, "change", &expected);
    vector_expect("change", span_of(changes[change]), bytes_span(&expected));
    bytes_done(&server);
    bytes_done(&tool);
    bytes_done(&expected);
    bytes_done(&out);
}

enum { LIST_MAXIMUM = 8 };

/* Of the tokens of a JSON array of plain strings. */
struct token_list {
    struct span tokens[LIST_MAXIMUM];
    size_t count;
};

static struct span token_at(const void *names, size_t index)
{
    const struct token_list *list = names;

    assert_true(index < list->count);
    return list->tokens[index];
}

static struct token_list tokens_of(struct span array)
{
    struct token_list list = {.count = 0};
    struct json_walk walk = json_walk_of(array);
    struct json_item item;

    while (json_walk_next(&walk, &item)) {
        assert_true(list.count < LIST_MAXIMUM);
        list.tokens[list.count++] = (struct span){item.value.at + 1, item.value.length - 2};
    }
    return list;
}

static void play_lookup(struct span vector)
{
    struct token_list have = tokens_of(json_find(vector, "have"));
    struct token_list nearest = tokens_of(json_find(vector, "nearest"));
    struct name_list list = {&have, have.count, token_at};
    size_t indexes[NAME_NEAREST];
    struct bytes written;
    struct bytes found;
    size_t index = SIZE_MAX;
    bool is_found;

    bytes_init(&written, 1000);
    bytes_init(&found, 1000);
    is_found = name_find(&list, vector_text(vector, "written", &written), &index);
    vector_expect("found", is_found ? have.tokens[index] : SPAN_NONE,
                  vector_text(vector, "found", &found));
    if (!is_found) {
        size_t count = name_find_nearest(&list, bytes_span(&written), indexes);

        assert_int_equal(index, SIZE_MAX);
        assert_int_equal(count, nearest.count);
        for (size_t i = 0; i < count; i++) {
            vector_expect("nearest", have.tokens[indexes[i]], nearest.tokens[i]);
        }
    }
    bytes_done(&written);
    bytes_done(&found);
}

static void play(struct span vector)
{
    if (span_is_none(json_find(vector, "have"))) {
        play_public(vector);
    } else {
        play_lookup(vector);
    }
}

static void test_vectors(void **state)
{
    (void)state;
    vectors_play(TEPLO_VECTORS "/names.jsonl", play);
}

static bool is_safe(struct span name)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";

    for (size_t i = 0; i < name.length; i++) {
        char c = name.at[i];

        if (c == '\0' ||
            (strchr(letters, c) == NULL && (i == 0 || strchr("0123456789-", c) == NULL))) {
            return false;
        }
    }
    return name.length > 0 && name.length <= 64;
}

/* Whatever bytes a name has, what comes out is one that every provider takes, and the same. */
static void test_any_bytes(void **state)
{
    uint64_t random = 20261124;
    struct bytes first;
    struct bytes second;

    (void)state;
    bytes_init(&first, PUBLIC_NAME_MAXIMUM);
    bytes_init(&second, PUBLIC_NAME_MAXIMUM);
    for (int round = 0; round < 20000; round++) {
        char text[100];
        size_t server = unit_random(&random) % 33;
        size_t tool = 1 + unit_random(&random) % 67;

        for (size_t i = 0; i < server + tool; i++) {
            uint32_t number = unit_random(&random);

            text[i] = (char)(number % 4 == 0 ? (int)(number >> 8) : "ab-_.1/A"[number >> 8 & 7]);
        }
        bytes_clear(&first);
        bytes_clear(&second);
        assert_int_not_equal(
            public_name((struct span){text, server}, (struct span){text + server, tool}, 0, &first),
            NAME_IMPOSSIBLE);
        (void)public_name((struct span){text, server}, (struct span){text + server, tool}, 0,
                          &second);
        assert_false(first.failed || second.failed);
        assert_true(is_safe(bytes_span(&first)));
        assert_same_span(bytes_span(&first), bytes_span(&second));
    }
    bytes_done(&first);
    bytes_done(&second);
}

static bool try_name(void)
{
    struct bytes out;
    bool is_made;

    bytes_init(&out, PUBLIC_NAME_MAXIMUM);
    (void)public_name(SPAN("srv"), SPAN("a.b/c"), 0, &out);
    is_made = !out.failed && span_is(bytes_span(&out), "srv__a_b_c_c4a2d1dc");
    bytes_done(&out);
    return is_made;
}

static void test_memory_out(void **state)
{
    (void)state;
    each_allocation_fails(try_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_memory_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
