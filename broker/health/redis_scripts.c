/* SPDX-License-Identifier: MIT */
#include "broker/health/redis_scripts.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/bytes.h"
#include "proto/base/check.h"

static const struct {
    int64_t keys;
    struct span text;
} scripts[REDIS_SCRIPT_COUNT] = {
#define SCRIPT(name, keys, text) {keys, SPAN_INIT(text)},
#include "broker/health/redis_scripts.def"
#undef SCRIPT
};

/* SHA-1 in hexadecimal digits, by which Redis knows a script: a name, and no secret.  False: this
   OpenSSL does not do it. */
static bool digest(struct span text, char out[2 * EVP_MAX_MD_SIZE + 1])
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned length;

    if (EVP_Digest(text.at, text.length, bytes, &length, EVP_sha1(), NULL) != 1) {
        return false;
    }
    for (unsigned i = 0; i < length; i++) {
        (void)snprintf(out + 2 * (size_t)i, 3, "%02x", bytes[i]);
    }
    return true;
}

void redis_script_begin(struct redis_command *command, enum redis_script script,
                        enum redis_script_form form)
{
    char name[2 * EVP_MAX_MD_SIZE + 1];

    CHECK(script < REDIS_SCRIPT_COUNT);
    if (form == REDIS_SCRIPT_WHOLE || !digest(scripts[script].text, name)) {
        redis_command_begin(command, "EVAL");
        redis_command_add(command, scripts[script].text.at);
    } else {
        redis_command_begin(command, "EVALSHA");
        redis_command_add(command, name);
    }
    redis_command_add_int(command, scripts[script].keys);
}

bool redis_script_is_unknown(const char *reply)
{
    return strncmp(reply, "NOSCRIPT", 8) == 0;
}

enum redis_fault redis_script_fault(const char *reply)
{
    enum redis_fault fault = redis_fault_of(reply);
    const char *inner = reply;

    /* "ERR Error running script (call to f_...): @user_script:7: -OOM ...": behind a colon. */
    while (fault == REDIS_FAULT_OTHER && (inner = strstr(inner, ": ")) != NULL) {
        inner += inner[2] == '-' ? 3 : 2;
        fault = redis_fault_of(inner);
    }
    if (fault == REDIS_FAULT_OTHER &&
        strstr(reply, "The user executing the script can't") != NULL) {
        fault = REDIS_FAULT_NOPERM;
    }
    return fault;
}
