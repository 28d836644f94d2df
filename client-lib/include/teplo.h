/* SPDX-License-Identifier: MIT */
/*
 * libteplo: call the tools of MCP servers through teplod, the broker that keeps the
 * sessions.  teplo(7) is the guide, libteplo(3) the manual of every function below.
 *
 * Threads.  A client belongs to one thread at a time, and so does a toolset (different ones
 * have nothing in common).  From any thread, at any time: teplo_shared_*, firing a
 * teplo_cancel_token, reading or freeing a result, teplo_strerror and the versions.
 *
 * Event loops.  teplo_fd() is one descriptor that never changes and only ever turns readable:
 * poll it for reading, then teplo_dispatch(), then teplo_next() until it says 0.  There is
 * no timeout to keep, no write interest, no callback, no thread, no signal handler, no global
 * state.
 *
 * Errors.  0 or a negative enum teplo_err.  A tool that says isError has answered: that is
 * TEPLO_OK.  Every failed result says whether the tool may have run: enum teplo_outcome.
 *
 * Text is UTF-8 and given with its length; what is returned also has a NUL behind it.
 * Bindings are generated from this header: each function begins with TEPLO_API and ends at the
 * next semicolon, and each enumerator and structure member stands on a line of its own.
 */
#ifndef TEPLO_H
#define TEPLO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TEPLO_ABI 1
#define TEPLO_VERSION_NUMBER 0x000100 /* 0xMMmmpp */

#if defined(__GNUC__)
#define TEPLO_API __attribute__((visibility("default")))
#else
#define TEPLO_API
#endif

struct teplo_options;
struct teplo_client;
struct teplo_shared;
struct teplo_result;
struct teplo_cancel_token;
struct teplo_toolset;

/* What went wrong.  Grows only; an unknown negative number is a failure. */
enum teplo_err {
    TEPLO_OK = 0,
    TEPLO_E_INVAL = -1,        /* an argument is wrong; teplo_errmsg() names it */
    TEPLO_E_NOMEM = -2,        /* out of memory, or of descriptors */
    TEPLO_E_STATE = -3,        /* not possible now, such as a call on a closed handle */
    TEPLO_E_FORKED = -4,       /* the handle is the parent process's; open another */
    TEPLO_E_NOENT = -5,        /* no such ticket: it is over and was taken */
    TEPLO_E_AGAIN = -6,        /* as many requests are under way as the handle may have */
    TEPLO_E_TOOBIG = -7,       /* the message is longer than the maximum, ours or the broker's */
    TEPLO_E_CONNECT = -20,     /* no broker at the socket */
    TEPLO_E_CLOSED = -21,      /* the broker hung up, and the request cannot be repeated */
    TEPLO_E_PROTO = -22,       /* the broker sent what is no answer */
    TEPLO_E_TIMEOUT = -40,     /* the deadline passed, or no session became free in time */
    TEPLO_E_CANCELLED = -41,   /* by teplo_cancel, a token, or teplo_close */
    TEPLO_E_OVERLOAD = -42,    /* the broker has no room; see teplo_result_retry_after_ms */
    TEPLO_E_NO_POOL = -43,     /* no such pool, or several and none was named */
    TEPLO_E_UPSTREAM = -45,    /* the MCP server, or the way to it, failed */
    TEPLO_E_DENIED = -46,      /* the broker's configuration does not allow it */
    TEPLO_E_DRAINING = -47,    /* the broker is stopping or being drained */
    TEPLO_E_UNSUPPORTED = -48, /* not possible on shared sessions */
    TEPLO_E_RESULT_LOST = -49, /* the tool ran; its answer cannot be given */
    TEPLO_E_RPC = -60          /* the server's own JSON-RPC error; see teplo_result_rpc_code */
};

/* What is known of a request's execution (proto/WIRE.md, "Errors of the broker"). */
enum teplo_outcome {
    TEPLO_EXECUTED = 0,     /* the server answered */
    TEPLO_NOT_EXECUTED = 1, /* it did not run and will not: safe to repeat */
    TEPLO_UNKNOWN = 2,      /* it may have run, or may still */
    TEPLO_RESULT_LOST = 3   /* it ran; its answer cannot be given */
};

/* Keys of options; text by teplo_options_set_text, numbers by teplo_options_set_number. */
enum teplo_option {
    TEPLO_OPT_SOCKET = 1,      /* text: path of the broker's socket; see teplo_options_new */
    TEPLO_OPT_POOL = 2,        /* text: for requests that name none.  Default: the only one */
    TEPLO_OPT_CLIENT_NAME = 3, /* text: clientInfo.name to the broker.  Default "libteplo" */
    TEPLO_OPT_TIMEOUT_MS = 4,  /* 1 to 604800000, or TEPLO_NO_DEADLINE.  Default 60000 */
    /* How long a request waits for a broker that is not there: 0 to 3600000.  Default 5000. */
    TEPLO_OPT_RECONNECT_MS = 5,
    TEPLO_OPT_MAX_IN_FLIGHT = 6, /* requests under way in a handle: 1 to 65536.  Default 1024 */
    TEPLO_OPT_MAX_MESSAGE = 7,   /* bytes of one answer: 1024 to 1 GiB.  Default 64 MiB */
    TEPLO_OPT_MAX_IDLE = 8       /* teplo_shared: idle handles kept: 0 to 1024.  Default 8 */
};

/* What teplo_next has taken. */
enum teplo_kind {
    TEPLO_K_ANSWER = 1, /* the request is over; its ticket is too */
    /* notifications/progress of a request under way: the result is its params */
    TEPLO_K_PROGRESS = 2,
    /* a notification for a subscriptions/listen: the result is the whole message */
    TEPLO_K_NOTIFICATION = 3
};

/* For timeout_ms: wait for as long as the broker lets it take. */
#define TEPLO_NO_DEADLINE INT64_C(-1)
/* For teplo_wait and its like: without end. */
#define TEPLO_FOREVER INT64_C(-1)

/* teplo_callopts.flags */
#define TEPLO_F_PROGRESS 1U /* ask for progress: teplo_next gives it as TEPLO_K_PROGRESS */
#define TEPLO_F_NO_RETRY 2U /* not even what certainly did not run is sent again */

/*
 * How one request is made.  Set to TEPLO_CALLOPTS_INIT first.  Fields may be added at the
 * end; `size` says which the caller knows, and a library that does not know a field refuses
 * one that is not zero.
 */
struct teplo_callopts {
    uint32_t size;
    uint32_t flags;     /* TEPLO_F_... */
    int64_t timeout_ms; /* 0: the handle's default; TEPLO_NO_DEADLINE; at most 7 days */
    const char *pool;   /* NULL: the handle's */
    const char *call;   /* the call's UUID, for teplo/outcome; NULL: one is made */
    const char *meta;   /* a JSON object merged into params._meta, or NULL */
    size_t meta_length;
    struct teplo_cancel_token *cancel; /* NULL, or a token; the handle takes its own reference */
};
#define TEPLO_CALLOPTS_INIT                                                                        \
    {                                                                                              \
        (uint32_t)sizeof(struct teplo_callopts), 0, 0, NULL, NULL, NULL, 0, NULL                   \
    }

/* Options.  An unknown key or a value out of range is TEPLO_E_INVAL. */

/*
 * NULL when memory is out.  The socket is $TEPLO_SOCKET; else teplo.sock in $TEPLO_RUNTIME_DIR,
 * else in /run/teplo if it is there (and always for root), else in $XDG_RUNTIME_DIR/teplo, else in
 * /tmp/teplo-UID.
 */
TEPLO_API struct teplo_options *teplo_options_new(void);
TEPLO_API void teplo_options_free(struct teplo_options *options);
TEPLO_API int teplo_options_set_text(struct teplo_options *options, enum teplo_option key,
                                     const char *value);
TEPLO_API int teplo_options_set_number(struct teplo_options *options, enum teplo_option key,
                                       int64_t value);

/* A client.  OPTIONS may be NULL, are copied, and stay the caller's. */

/* Starts to connect, never blocks.  A missing broker shows in the requests, not here. */
TEPLO_API int teplo_open(const struct teplo_options *options, struct teplo_client **ret_client);
/* 0 once connected; TEPLO_E_CONNECT if there was no broker by then. */
TEPLO_API int teplo_wait_ready(struct teplo_client *client, int64_t timeout_ms);
/*
 * NULL is fine.  Nothing more is told of requests under way: those that no server has are dropped,
 * the others run to their end unheard, as the broker's configuration has it (orphans); to have them
 * taken back at their servers, teplo_cancel them first.
 */
TEPLO_API void teplo_close(struct teplo_client *client);
/* Of the last function of CLIENT that failed; valid until the next one.  Never NULL. */
TEPLO_API const char *teplo_errmsg(const struct teplo_client *client);

/* The event loop. */

/* Valid, and the same, until teplo_close; negative if the handle is unusable. */
TEPLO_API int teplo_fd(const struct teplo_client *client);
/* Does what can be done without waiting.  1: teplo_next has something, 0: it has not, negative: the
 * handle is unusable. */
TEPLO_API int teplo_dispatch(struct teplo_client *client);
/* 1: taken, the result is the caller's; 0: nothing (the outputs are untouched); negative: the
 * handle is unusable. */
TEPLO_API int teplo_next(struct teplo_client *client, uint64_t *ret_ticket,
                         enum teplo_kind *ret_kind, struct teplo_result **ret_result);
/* poll and dispatch, for programs without a loop.  As teplo_dispatch; 0 also when the time is over.
 */
TEPLO_API int teplo_wait(struct teplo_client *client, int64_t timeout_ms);

/*
 * Requests.  A ticket is a number of this handle, never 0 and never used again.  0 means
 * that exactly one TEPLO_K_ANSWER with this ticket follows; negative, that nothing was started.
 */

/* ARGUMENTS is a JSON object, or NULL for {}. */
TEPLO_API int teplo_call_tool_start(struct teplo_client *client, const char *tool,
                                    const char *arguments, size_t length,
                                    const struct teplo_callopts *callopts, uint64_t *ret_ticket);
TEPLO_API int teplo_list_tools_start(struct teplo_client *client,
                                     const struct teplo_callopts *callopts, uint64_t *ret_ticket);
/* Any MCP method.  PARAMS is a JSON object, or NULL for {}. */
TEPLO_API int teplo_request_start(struct teplo_client *client, const char *method,
                                  const char *params, size_t length,
                                  const struct teplo_callopts *callopts, uint64_t *ret_ticket);
/* Its TEPLO_E_CANCELLED answer is there at once; the server is told.  REASON may be NULL.
 * TEPLO_E_NOENT if it is over. */
TEPLO_API int teplo_cancel(struct teplo_client *client, uint64_t ticket, const char *reason);

/*
 * The same, and wait.  The handle's other requests go on meanwhile.  The return value is the
 * result's status, and *RET_RESULT is set (free it) whatever the answer is; it is NULL only if
 * nothing was started.  Progress is not told of.
 */
TEPLO_API int teplo_call_tool(struct teplo_client *client, const char *tool, const char *arguments,
                              size_t length, const struct teplo_callopts *callopts,
                              struct teplo_result **ret_result);
TEPLO_API int teplo_list_tools(struct teplo_client *client, const struct teplo_callopts *callopts,
                               struct teplo_result **ret_result);
TEPLO_API int teplo_request(struct teplo_client *client, const char *method, const char *params,
                            size_t length, const struct teplo_callopts *callopts,
                            struct teplo_result **ret_result);

/*
 * Blocking calls from any thread: each takes an idle client, or opens one, and puts it back.
 * *RET_RESULT is also set where nothing was started (to say why), unless memory or descriptors
 * are out.  Usable in a child of fork.
 */

TEPLO_API int teplo_shared_new(const struct teplo_options *options,
                               struct teplo_shared **ret_shared);
/* Not while another thread is in a call of it. */
TEPLO_API void teplo_shared_free(struct teplo_shared *shared);
TEPLO_API int teplo_shared_call_tool(struct teplo_shared *shared, const char *tool,
                                     const char *arguments, size_t length,
                                     const struct teplo_callopts *callopts,
                                     struct teplo_result **ret_result);
TEPLO_API int teplo_shared_list_tools(struct teplo_shared *shared,
                                      const struct teplo_callopts *callopts,
                                      struct teplo_result **ret_result);
TEPLO_API int teplo_shared_request(struct teplo_shared *shared, const char *method,
                                   const char *params, size_t length,
                                   const struct teplo_callopts *callopts,
                                   struct teplo_result **ret_result);

/* Cancelling from elsewhere: fire is safe in any thread and in a signal handler, any number of
 * times.  Of the process that made it: in a child of fork a request with it is TEPLO_E_FORKED, and
 * firing it tells the parent nothing. */

TEPLO_API struct teplo_cancel_token *teplo_cancel_token_new(void);
TEPLO_API void teplo_cancel_token_fire(struct teplo_cancel_token *token);
TEPLO_API void teplo_cancel_token_unref(struct teplo_cancel_token *token);

/* Results: immutable, own their bytes, outlive the client.  Text lives as long as its result. */

/* An enum teplo_err; TEPLO_OK also when the tool said isError. */
TEPLO_API int teplo_result_status(const struct teplo_result *result);
/* 1 if the tool said isError. */
TEPLO_API int teplo_result_is_error(const struct teplo_result *result);
TEPLO_API enum teplo_outcome teplo_result_outcome(const struct teplo_result *result);
/* The result object as received, byte for byte; NULL if there is none. */
TEPLO_API const char *teplo_result_json(const struct teplo_result *result, size_t *ret_length);
/* The text blocks of a tool's result, joined by newlines; "" if there are none; NULL when memory is
 * out. */
TEPLO_API const char *teplo_result_text(const struct teplo_result *result, size_t *ret_length);
/* What went wrong, for people and models; "" if nothing did. */
TEPLO_API const char *teplo_result_message(const struct teplo_result *result, size_t *ret_length);
/* The broker's word for the reason ("queue_timeout", see WIRE.md), or ours ("no_broker",
 * "cancelled", ...); "" if none. */
TEPLO_API const char *teplo_result_reason(const struct teplo_result *result);
/* The UUID under which teplo/outcome knows the call; "" for requests that are not recorded. */
TEPLO_API const char *teplo_result_call(const struct teplo_result *result);
/* The JSON-RPC error's code, 0 if there is none; its data as received, NULL if there is none. */
TEPLO_API int64_t teplo_result_rpc_code(const struct teplo_result *result);
TEPLO_API const char *teplo_result_rpc_data(const struct teplo_result *result, size_t *ret_length);
/* When to try again, in ms; -1 if nobody said. */
TEPLO_API int64_t teplo_result_retry_after_ms(const struct teplo_result *result);
/* NULL is fine. */
TEPLO_API void teplo_result_free(struct teplo_result *result);

/*
 * Model providers' own formats: no I/O, nothing kept but the tools.  teplo-formats(7) describes the
 * conversions, and the JSON that teplo_toolset_calls and teplo_toolset_answers speak.
 */

enum teplo_provider {
    TEPLO_OPENAI_CHAT = 1,      /* Chat Completions */
    TEPLO_OPENAI_RESPONSES = 2, /* Responses */
    TEPLO_GEMINI = 3,           /* generateContent with parametersJsonSchema */
    TEPLO_GEMINI_OPENAPI = 4,   /* generateContent with parameters, for older models and shims */
    TEPLO_ANTHROPIC = 5         /* Messages */
};

#define TEPLO_T_STRICT 1U          /* strict mode for the tools that lose nothing by it */
#define TEPLO_T_PREFIX 2U          /* every name gets the server's in front */
#define TEPLO_T_NO_MEDIA 4U        /* results as text alone: images become notes */
#define TEPLO_T_STRUCTURED 8U      /* prefer structuredContent to the text beside it */
#define TEPLO_T_SEPARATE_MEDIA 16U /* Gemini before 3: images in a content of their own */
#define TEPLO_T_MODE_ANY 32U /* TEPLO_GEMINI_OPENAPI: function calling mode ANY will be used */

/* Empty.  FLAGS: TEPLO_T_... */
TEPLO_API int teplo_toolset_new(enum teplo_provider provider, uint32_t flags,
                                struct teplo_toolset **ret_toolset);
/*
 * Add the tools of LISTING, a tools/list result or an array of tools, of the pool SERVER (NULL: the
 * only one; then no prefix).  A tool that cannot be said to the provider is left out and reported.
 * TEPLO_E_INVAL, and nothing is added, if LISTING is no such JSON or tools of two servers would
 * have one public name: see teplo_toolset_error.
 */
TEPLO_API int teplo_toolset_add(struct teplo_toolset *toolset, const char *server,
                                const char *listing, size_t length);
/* Why the last function of TOOLSET failed; never NULL. */
TEPLO_API const char *teplo_toolset_error(const struct teplo_toolset *toolset);
/* The value of "tools" in the provider's request: a JSON array.  Valid until the next add. */
TEPLO_API const char *teplo_toolset_tools(const struct teplo_toolset *toolset, size_t *ret_length);
/* A JSON array of what was dropped, renamed or said otherwise, and why.  Valid until the next add.
 */
TEPLO_API const char *teplo_toolset_diagnostics(const struct teplo_toolset *toolset,
                                                size_t *ret_length);
/* A model's whole response -> {"calls":[...],"append":[...],...}.  *RET_JSON is the caller's:
 * teplo_free. */
TEPLO_API int teplo_toolset_calls(struct teplo_toolset *toolset, const char *response,
                                  size_t length, char **ret_json, size_t *ret_length);
/* [{"call":...,"result":...}|{"call":...,"error":...}, ...] -> the array of messages, items or
 * contents to append. */
TEPLO_API int teplo_toolset_answers(struct teplo_toolset *toolset, const char *pairs, size_t length,
                                    char **ret_json, size_t *ret_length);
TEPLO_API void teplo_toolset_free(struct teplo_toolset *toolset);
TEPLO_API void teplo_free(void *text);

/* English, never NULL. */
TEPLO_API const char *teplo_strerror(int err);
/* TEPLO_VERSION_NUMBER and TEPLO_ABI of the library in use. */
TEPLO_API uint32_t teplo_version(void);
TEPLO_API uint32_t teplo_abi(void);

#ifdef __cplusplus
}
#endif

#endif
