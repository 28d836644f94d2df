/* SPDX-License-Identifier: MIT */
#include "tests/upstream/scripted/scripted_control.h"

#include <stddef.h>

static const struct {
    const char *name;
    size_t at;
} settings[] = {
#define SETTING(name, fallback) {#name, offsetof(struct scripted_settings, name)},
#include "tests/upstream/scripted/settings.def"
#undef SETTING
};

static const struct {
    const char *name;
    size_t at;
} counters[] = {
#define COUNTER(name) {#name, offsetof(struct scripted_counters, name)},
#include "tests/upstream/scripted/counters.def"
#undef COUNTER
};

void scripted_report(struct scripted *scripted, struct peer *peer)
{
    struct bytes text;

    bytes_init(&text, 4096);
    bytes_printf(&text, "{\"streams_open\":%zu,\"connections_open\":%zu", scripted->streams.count,
                 peer->peers->all.count);
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        uint64_t value;

        memcpy(&value, (const char *)&scripted->counters + counters[i].at, sizeof(value));
        bytes_printf(&text, ",\"%s\":%llu", counters[i].name, (unsigned long long)value);
    }
    bytes_append_text(&text, "}");
    peer_reply(peer, 200, SPAN("application/json"), bytes_span(&text));
    bytes_done(&text);
}

static void cut_streams(struct scripted *scripted, int64_t how)
{
    LIST_FOREACH_SAFE (node, &scripted->streams) {
        struct session *session = LIST_ITEM(node, struct session, in_streams);

        if (how == 3) {
            session->face->forget(session);
        } else {
            session->face->end_session(session, how == 2 ? FAREWELL_RESET : FAREWELL_FIN);
        }
    }
}

static bool set(struct scripted *scripted, const struct json_item *item)
{
    int64_t number = 0;

    if (json_string_is(item->key, "fault")) {
        return json_string_copy(item->value, scripted->settings.fault,
                                sizeof(scripted->settings.fault));
    }
    if (!json_to_int(item->value, &number)) {
        return false;
    }
    if (json_string_is(item->key, "cut_streams")) {
        cut_streams(scripted, number);
        return true;
    }
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (json_string_is(item->key, settings[i].name)) {
            memcpy((char *)&scripted->settings + settings[i].at, &number, sizeof(number));
            return true;
        }
    }
    return false;
}

void scripted_control(struct scripted *scripted, struct peer *peer, struct span body)
{
    struct json_error error;
    struct json_item item;
    struct json_walk walk;

    if (json_check(body, &json_limits_default, &error) < 0) {
        peer_reply(peer, 400, SPAN("text/plain"), SPAN("no JSON"));
        return;
    }
    walk = json_walk_of(body);
    while (json_walk_next(&walk, &item)) {
        if (!set(scripted, &item)) {
            peer_reply(peer, 400, SPAN("text/plain"), item.key);
            return;
        }
    }
    scripted_report(scripted, peer);
}
