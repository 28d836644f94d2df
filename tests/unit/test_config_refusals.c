/* SPDX-License-Identifier: MIT */
/* What the configuration refuses: place, fault and remedy of each rule, and no secret. */
#include "config_unit.h"

#include <stdlib.h>

#include "broker/control/config_option.h"

/* ROW is the second line of each. */
#define IN_FILE(row) "{\"mcpServers\":{\"ok\":{\"url\":\"http://h/sse\"}},\n" row "\n}"
#define IN_SERVERS(row) "{\"mcpServers\":{\n" row "\n}}"
#define IN_SERVER(row) "{\"mcpServers\":{\"a\":{\"url\":\"http://h/sse\",\n" row "\n}}}"
#define IN_HEADERS(row)                                                                            \
    "{\"mcpServers\":{\"a\":{\"url\":\"http://h/sse\",\"headers\":{\n" row "\n}}}}"
#define IN_OPTIONS(row)                                                                            \
    "{\"mcpServers\":{\"a\":{\"url\":\"http://h/sse\",\"teplo\":{\n" row "\n}}}}"
#define IN_BROKER(row) IN_FILE("\"teplo\":{" row "}")
#define URL(url) IN_SERVERS("\"a\":{\"url\":\"" url "\"}")
#define REDIS_OBJECT(url, rest) IN_BROKER("\"redis\":{\"url\":\"" url "\"," rest "}")
#define REDIS(url) IN_BROKER("\"redis\":\"" url "\"")

struct row {
    const char *text;
    const char *message; /* a part of it */
};

static const struct row json_rows[] = {
    {"", "t:1: the file is empty; write {"},
    {"  // nothing\n /* but\n comments */ ", "t:1: the file is empty"},
    {"{\"mcpServers\":{}}", "t:1: no server; add one: \"mcpServers\": {"},
    {"{\n\"mcpServers\":\n{}}", "t:3: no server"},
    {"\n{\"teplo\":{}}", "t:2: no server"},
    {IN_SERVERS("\"a\":{\"url\":\"http://h/\",\"disabled\":true}"), "t:1: no server"},
    {"[]", "t:1: the file is a list; write an object"},
    {"{\"a\":1,}", "t:1: a comma behind the last entry, which JSON does not allow; remove the"},
    {"{\"a\":[1,\n// the last\n]}", "t:1: a comma behind the last entry"},
    {"{\"a\":1\n\"b\":2}", "t:2: this is not JSON here; look for a comma"},
    {"{'a':1}", "t:1: this is not JSON here"},
    {"{\"a\":\n\n1,", "t:3: the file ends too early; close"},
    {"{\"a\":1\n\n", "t:1: the file ends too early"},
    {"{}\n}", "t:2: something stands behind the last brace; remove it"},
    {"{\n\"a\":\"x\n\"}", "t:2: a text with a raw control byte, such as a line break; close its"},
    {"{\"a\":\"\\q\"}", "t:1: an escape that JSON does not know"},
    {"{\"a\":\n\"\xff\"}", "t:2: bytes that are not UTF-8; save"},
    {"{\"a\":01}", "t:1: a malformed number"},
    {"{\"a\":yes}", "t:1: a word without quotes"},
    {"\xef\xbb\xbf{}", "t:1: the file begins with a byte order mark; save"},
    {"{}\n /* open", "t:2: a comment that does not end; close it with */"},
    {"{}\n /*/", "t:2: a comment that does not end"},
    {"{}\n /", "t:2: something stands behind"},
};

static const struct row key_rows[] = {
    {IN_FILE("\"mcpservers\":{}"), "t:2: unknown key \"mcpservers\" in the file; did you mean "
                                   "\"mcpServers\"?"},
    {IN_FILE("\"globalShortcut\":1"),
     "t:2: unknown key \"globalShortcut\" in the file; teplo reads "
     "\"mcpServers\" and \"teplo\" alone: give it a copy"},
    {IN_FILE("\"x\\ny\":1"), "t:2: unknown key \"x\\ny\" in the file"},
    {IN_FILE("\"\":1"), "t:2: unknown key \"\" in the file"},
    {IN_FILE("\"mcpServers\":{}"), "t:2: the key \"mcpServers\" stands here a second time; remove"},
    {IN_FILE("\"teplo\":[]"), "t:2: the top \"teplo\" object is a list; write an object"},
    {IN_SERVERS("\"a\":{\"url\":\"http://h/\"},\"\\u0061\":{}"), "t:2: the key \"\\u0061\" stands"},
    {IN_SERVERS("\"a\":{\"url\":\"http://h/\"},\n\"a\":{\"disabled\":true}"), "t:3: the key \"a\""},
    {IN_SERVER("\"header\":{}"),
     "t:2: unknown key \"header\" in a server; did you mean \"headers\"?"},
    {IN_SERVER("\"URL\":1"), "did you mean \"url\"?"},
    {IN_SERVER("\"url\":\"http://h/\""), "t:2: the key \"url\" stands here a second time"},
    {IN_SERVER("\"pool_size\":1"),
     "t:2: unknown key \"pool_size\" in a server; a server has \"url\""},
    {IN_SERVER("\"teplo\":\"x\""), "t:2: the \"teplo\" object of a server is a text; write an"},
    {IN_OPTIONS("\"pol_size\":1"), "t:2: unknown key \"pol_size\" in the \"teplo\" object of a "
                                   "server; did you mean \"pool_size\"?"},
    {IN_OPTIONS("\"poolSize\":1"), "did you mean \"pool_size\"?"},
    {IN_OPTIONS("\"opol_szie\":1"), "did you mean \"pool_size\"?"},
    {IN_OPTIONS("\"xxxx_size\":1"), "remove it, or see the options in teplod --print-options"},
    {IN_OPTIONS("\"max_clients\":1"), "t:2: unknown key \"max_clients\""},
    {IN_OPTIONS("\"pool_size\":1,\n\"pool_size\":1"), "t:3: the key \"pool_size\" stands"},
    {IN_BROKER("\"max_client\":1"), "did you mean \"max_clients\"?"},
    {IN_BROKER("\"redis\":{\"tik\":1}"),
     "unknown key \"tik\" in the \"redis\" object; did you mean "
     "\"tick\"?"},
    {IN_BROKER("\"redis\":{\"password\":1}"),
     "t:2: \"password\" is a number; write a text in quotes"},
    {IN_SERVERS("\"a\":7"), "t:2: a server is a number; write an object"},
    {IN_FILE("\"a123456789012345678901234567890123456789012345678901234567890123456789012345678901"
             "2345678901234567890\":1"),
     "67890... in the file; teplo reads"},
};

static const struct row server_rows[] = {
    {IN_SERVERS("\"Grynya\":{}"), "t:2: server \"Grynya\" is no usable name; begin with a small "
                                  "letter, then up to 31"},
    {IN_SERVERS("\"1a\":{}"), "t:2: server \"1a\" is no usable name"},
    {IN_SERVERS("\"\":{}"), "t:2: server \"\" is no usable name"},
    {IN_SERVERS("\"a b\":{}"), "t:2: server \"a b\" is no usable name"},
    {IN_SERVERS("\"a\\u0000\":{}"), "t:2: server \"a?\" is no usable name"},
    {IN_SERVERS("\"a\\ud800\":{}"), "t:2: \"mcpServers\" has half a surrogate pair"},
    {IN_SERVERS("\"a23456789012345678901234567890123\":{}"), "is no usable name"},
    {IN_SERVERS("\"inf\":{}"), "t:2: server \"inf\" reads as a number in dashboards; choose"},
    {IN_SERVERS("\"infinity\":{}"), "reads as a number"},
    {IN_SERVERS("\"nan\":{}"), "reads as a number"},
    {IN_SERVERS("\"teplo\":{}"), "t:2: server \"teplo\" is the name of one of teplo's own sockets"},
    {IN_SERVERS("\"admin\":{}"), "one of teplo's own sockets; choose another"},
    {IN_SERVERS("\"a\":{}"), "t:2: server \"a\" has no url; add \"url\": \"http://host"},
    {IN_SERVERS("\"a\":{\"disabled\":1}"), "t:2: \"disabled\" is a number; write true or false"},
    {IN_SERVERS("\"a\":{\"command\":\"npx\"}"), "t:2: server \"a\": stdio servers are not "
                                                "supported by this version; give a url"},
    {IN_SERVER("\"env\":{}"), "t:2: server \"a\": stdio servers are not supported"},
    {IN_SERVER("\"type\":\"stdio\""), "t:2: server \"a\": stdio servers are not supported"},
    {IN_SERVER("\"type\":\"http\""), "t:2: server \"a\" is said to speak Streamable HTTP, and this "
                                     "version speaks HTTP+SSE only; give"},
    {IN_SERVER("\"transport\":\"streamable-http\""), "this version speaks HTTP+SSE only"},
    {IN_SERVER("\"transport\":\"streamableHttp\""), "this version speaks HTTP+SSE only"},
    {IN_SERVER("\"type\":\"ws\""), "t:2: the type of server \"a\" is \"ws\"; write \"sse\", or"},
    {IN_SERVER("\"type\":null"), "t:2: the type of server \"a\" is null"},
    {IN_SERVERS("\"a\":{\"url\":5}"), "t:2: \"url\" is a number; write a text in quotes"},
    {IN_SERVERS("\"a\":{\"url\":\"http://h/\\udc00\"}"), "t:2: \"url\" has half a surrogate pair"},
    {IN_OPTIONS("\"tools\":{\"\":{}}"), "t:2: a tool's name is empty, longer than 128 bytes"},
    {IN_OPTIONS("\"tools\":{\"t\":{\"retry\":\"yes\"}}"), "t:2: \"retry\" is \"yes\"; write "
                                                          "\"idempotent\" if a second"},
    {IN_OPTIONS("\"tools\":{\"t\":{\"timeout\":\"1s\"}}"),
     "unknown key \"timeout\" in a tool; a tool "
     "has \"retry\", \"call_timeout\" and \"on_client_gone\""},
    {IN_OPTIONS("\"tools\":{\"t\":{\"on_client_gone\":\"kill\"}}"),
     "t:2: \"on_client_gone\" is \"kill\"; write \"detach\" or \"cancel\""},
    {IN_OPTIONS("\"tools\":{\"t\":{\"call_timeout\":\"1ms\"}}"),
     "t:2: \"call_timeout\" is \"1ms\", "
     "out of range; give 10ms to 24h"},
    {IN_OPTIONS("\"tools\":{\"t\":{\n\"call_timeout\":\"16m\"}}"),
     "t:3: \"call_timeout\" (16m) must not be more than \"call_timeout_max\" (15m); lower"},
};

static const struct row url_rows[] = {
    {URL(""), "t:2: the url of server \"a\" does not begin with http:// or https://; write"},
    {URL("host:8000/sse"), "does not begin with http://"},
    {URL("ftp://host/"), "does not begin with http://"},
    {URL("http:/host/"), "does not begin with http://"},
    {URL("http://hunter2@host/"), "t:2: the url of server \"a\" has a user or a password before "
                                  "the @; use an Authorization header instead"},
    {URL("https://u:hunter2@host/"), "has a user or a password"},
    {URL("http://host/#hunter2"), "has a fragment; remove the #"},
    {URL("http:///sse"), "has no host; write it as in"},
    {URL("http://?x"), "has no host"},
    {URL("http://:80/"), "has no host"},
    {URL("http://host:/"), "has a port that is none; write a number from 1 to 65535"},
    {URL("http://host:0/"), "has a port that is none"},
    {URL("http://host:65536/"), "has a port that is none"},
    {URL("http://host:80a/"), "has a port that is none"},
    {URL("http://[::1]x/"), "has a port that is none"},
    {URL("http://[::1/"), "has a host that is none"},
    {URL("http://[]/"), "has a host that is none"},
    {URL("http://ho,st/"), "has a host that is none; write a name or an address"},
    {URL("http://::1/"), "has no host"},
    {URL("http://h/a b"), "has a space, a backslash, a control byte or a letter beyond ASCII"},
    {URL("http://h\\\\@evil/"), "has a space, a backslash"},
    {URL("http://h/\\u0000"), "has a space, a backslash"},
    {URL("http://h/ї"), "has a space, a backslash"},
    {URL("http://h/${UNSET_1}"), "t:2: ${UNSET_1} is not set in the environment; export it, or "
                                 "remove the server"},
    {URL("http://h/${LONG}"), "is longer than 2048 bytes"},
};

static const struct row header_rows[] = {
    {IN_SERVER("\"headers\":[]"), "t:2: \"headers\" is a list; write an object"},
    {IN_HEADERS("\"\":\"x\""), "t:2: a header of server \"a\" is no header name; write the name "
                               "alone, as in \"Authorization\""},
    {IN_HEADERS("\"Authorization: hunter2\":\"\""), "is no header name"},
    {IN_HEADERS("\"X\":\"a\",\n\"x\":\"b\""),
     "t:3: server \"a\" has a header \"x\" already; remove"},
    {IN_HEADERS("\"X\":5"), "t:2: \"X\" is a number; write a text in quotes"},
    {IN_HEADERS("\"X\":\"hunter2\\n\""), "t:2: header \"X\" has a control byte in its value"},
    {IN_HEADERS("\"X\":\"hunter2\\u0000\""), "has a control byte in its value"},
    {IN_HEADERS("\"X\":\"hunter2\\u007f\""), "has a control byte in its value"},
    {IN_HEADERS("\"X\":\"\""), "t:2: header \"X\" has an empty value; give it one, or remove"},
    {IN_HEADERS("\"X\":\" \\t\""), "has an empty value"},
    {IN_HEADERS("\"X\":\"hunter2 \\ud800\""), "t:2: \"X\" has half a surrogate pair"},
    {IN_HEADERS("\"Content-Length\":\"1\""), "t:2: header \"Content-Length\" is teplo's own: it "
                                             "measures each request; remove it"},
    {IN_HEADERS("\"transfer-encoding\":\"x\""), "header \"transfer-encoding\" is teplo's own"},
    {IN_HEADERS("\"Connection\":\"close\""), "is teplo's own: it decides how long"},
    {IN_HEADERS("\"Content-Type\":\"x\""), "is teplo's own: a request is always application/json"},
    {IN_HEADERS("\"ACCEPT\":\"x\""), "is prescribed by MCP"},
    {IN_HEADERS("\"Accept-Encoding\":\"x\""), "would bring compressed answers"},
    {IN_HEADERS("\"Expect\":\"x\""), "is teplo's own: it decides when"},
    {IN_HEADERS("\"Upgrade\":\"x\""), "is teplo's own: it speaks HTTP/1.1"},
    {IN_HEADERS("\"X\":\"Bearer ${GRYNYA_TOKEN_UNSET}\""),
     "t:2: ${GRYNYA_TOKEN_UNSET} is not set in "
     "the environment; export it, or remove "
     "the header"},
    {IN_HEADERS("\"X\":\"hunter2 ${\""),
     "t:2: a \"${\" without its \"}\"; close it, or write \"$${\""},
    {IN_HEADERS("\"X\":\"${hunter2-}\""), "t:2: a \"${...}\" that is neither ${VAR} nor "
                                          "${file:/path}; correct it"},
    {IN_HEADERS("\"X\":\"${}\""), "that is neither"},
    {IN_HEADERS("\"X\":\"${1X}\""), "that is neither"},
    {IN_HEADERS("\"X\":\"${file:secret}\""), "t:2: a ${file:...} without a usable path; write it"},
    {IN_HEADERS("\"X\":\"${file:/a\\u0000}\""), "without a usable path"},
    {IN_HEADERS("\"X\":\"${file:/nonexistent/x}\""),
     "t:2: the file of ${file:/nonexistent/x} cannot "
     "be read (No such file or directory); check"},
    {IN_HEADERS("\"X\":\"${file:/dev/null}\""), "cannot be read (not a regular file)"},
    {IN_HEADERS("\"X\":\"${file:/proc/self/exe}\""), "is larger than 64 KiB; name the one with"},
    {IN_HEADERS("\"X\":\"${CONTROL}\""), "has a control byte in its value"},
    {IN_HEADERS("\"X\":\"${LONG}${LONG}${LONG}${LONG}${LONG}${LONG}${LONG}\""),
     "t:2: a text longer than 64 KiB; shorten it"},
    {IN_HEADERS("\"X\":\"${LONG}\",\"Y\":\"${LONG}\",\n\"Z\":\"${LONG}\",\"A\":\"${LONG}\""),
     "t:3: the headers of server \"a\" are larger than 32 KiB; shorten them"},
};

static const struct row value_rows[] = {
    {IN_OPTIONS("\"pool_size\":\"8\""),
     "t:2: \"pool_size\" is a text; write a whole number, as in 8"},
    {IN_OPTIONS("\"pool_size\":\n8.0"), "t:3: \"pool_size\" is 8.0; write a whole number"},
    {IN_OPTIONS("\"pool_size\":1e1"), "\"pool_size\" is 1e1; write"},
    {IN_OPTIONS("\"pool_size\":null"), "\"pool_size\" is null; write"},
    {IN_OPTIONS("\"pool_size\":0"), "t:2: \"pool_size\" is 0, out of range; give 1 to 256"},
    {IN_OPTIONS("\"pool_size\":257"), "out of range; give 1 to 256"},
    {IN_OPTIONS("\"pool_size\":-1"), "\"pool_size\" is -1, out of range"},
    {IN_OPTIONS("\"pool_size\":99999999999999999999"), "out of range; give 1 to 256"},
    {IN_OPTIONS("\"call_timeout\":5"),
     "t:2: \"call_timeout\" is a number; write a duration with its "
     "unit ms, s, m or h, as in \"5s\""},
    {IN_OPTIONS("\"call_timeout\":true"), "\"call_timeout\" is true; write a duration"},
    {IN_OPTIONS("\"call_timeout\":\"5\""), "t:2: \"call_timeout\" is \"5\", without a unit; write"},
    {IN_OPTIONS("\"call_timeout\":\"5sec\""), "t:2: \"call_timeout\" is \"5sec\", with an unknown "
                                              "unit; write a duration with its unit ms, s, m or h"},
    {IN_OPTIONS("\"call_timeout\":\"5 s\""), "with an unknown unit"},
    {IN_OPTIONS("\"call_timeout\":\"1h30m\""), "with an unknown unit"},
    {IN_OPTIONS("\"call_timeout\":\"5S\""), "with an unknown unit"},
    {IN_OPTIONS("\"call_timeout\":\"\""), "\"call_timeout\" is \"\"; write a duration"},
    {IN_OPTIONS("\"call_timeout\":\"s\""), "\"call_timeout\" is \"s\"; write a duration"},
    {IN_OPTIONS("\"call_timeout\":\"-5s\""), "\"call_timeout\" is \"-5s\"; write a duration"},
    {IN_OPTIONS("\"call_timeout\":\"1.s\""), "\"call_timeout\" is \"1.s\"; write a duration"},
    {IN_OPTIONS("\"call_timeout\":\"1.0005s\""), "which is no whole number of the smallest unit"},
    {IN_OPTIONS("\"call_timeout\":\"1.0000000000s\""), "which is no whole number of the smallest"},
    {IN_OPTIONS("\"call_timeout\":\"9ms\""), "is \"9ms\", out of range; give 10ms to 24h"},
    {IN_OPTIONS("\"call_timeout\":\"25h\""), "is \"25h\", out of range; give 10ms to 24h"},
    {IN_OPTIONS("\"call_timeout\":\"99999999999999999h\""), "out of range; give 10ms to 24h"},
    {IN_OPTIONS("\"call_timeout\":\"9999999999999999999999999ms\""), "out of range; give"},
    {IN_OPTIONS("\"call_timeout\":\"1s1234567890123456789012345678901234567890123456789012345678901"
                "2345678901234567890123456789012345678901234567890\""),
     "56789...; write a duration"},
    {IN_BROKER("\"max_frame\":\"4MB\""),
     "t:2: \"max_frame\" is \"4MB\", with an unknown unit; write "
     "a size with its unit B, KiB, MiB or GiB, as in \"4MiB\", "
     "or a number of bytes"},
    {IN_BROKER("\"max_frame\":\"4000\""), "\"max_frame\" is \"4000\", without a unit"},
    {IN_BROKER("\"max_frame\":1023"), "\"max_frame\" is 1023, out of range; give 1KiB to 256MiB"},
    {IN_BROKER("\"max_frame\":\"1GiB\""), "out of range; give 1KiB to 256MiB"},
    {IN_BROKER("\"max_frame\":\"0.3KiB\""), "which is no whole number of the smallest unit"},
    {IN_BROKER("\"max_frame\":1.5"), "\"max_frame\" is 1.5; write a size"},
    {IN_BROKER("\"socket_mode\":660"),
     "t:2: \"socket_mode\" is a number; write an octal file mode in "
     "quotes, as in \"0660\""},
    {IN_BROKER("\"socket_mode\":\"0680\""), "\"socket_mode\" is \"0680\"; write an octal"},
    {IN_BROKER("\"socket_mode\":\"66\""), "\"socket_mode\" is \"66\"; write an octal"},
    {IN_BROKER("\"socket_mode\":\"7777777777777777777777777777\""), "write an octal"},
    {IN_BROKER("\"socket_mode\":\"1777\""), "\"1777\", out of range; give 0000 to 0777"},
    {IN_BROKER("\"log_level\":\"inf\""),
     "t:2: \"log_level\" is \"inf\"; write \"error\", \"warn\", "
     "\"info\" or \"debug\""},
    {IN_BROKER("\"log_level\":2"), "\"log_level\" is a number; write \"error\""},
    {IN_OPTIONS("\"pool_mode\":\"Call\""),
     "t:2: \"pool_mode\" is \"Call\"; write \"call\" or \"session\""},
    {IN_OPTIONS("\"pool_mode\":\"\""), "\"pool_mode\" is \"\"; write \"call\""},
    {IN_OPTIONS("\"pool_mode\":1"), "\"pool_mode\" is a number; write \"call\" or \"session\""},
    {IN_OPTIONS("\"aimd\":true"), "\"aimd\" is true; write \"off\" or \"on\""},
    {IN_OPTIONS("\"conn_reuse\":\"detach\""),
     "\"conn_reuse\" is \"detach\"; write \"probe\", \"fresh\" or \"always\""},
    {IN_OPTIONS("\"conn_reuse\":\"probe\\u0000\""), "write \"probe\", \"fresh\" or"},
    {IN_OPTIONS("\"not_executed_status\":503"),
     "t:2: \"not_executed_status\" is a number; write a list of HTTP statuses, as in [503]"},
    {IN_OPTIONS("\"not_executed_status\":[503,\n399]"),
     "t:3: a status is 399; write whole numbers from 400 to 599"},
    {IN_OPTIONS("\"not_executed_status\":[600]"), "t:2: a status is 600; write"},
    {IN_OPTIONS("\"not_executed_status\":[503.0]"), "t:2: a status is 503.0; write"},
    {IN_OPTIONS("\"not_executed_status\":[\"503\"]"), "t:2: a status is \"503\"; write"},
    {IN_OPTIONS("\"not_executed_status\":[99999999999999999999]"), "a status is 9999"},
    {IN_BROKER("\"metrics_listen\":\"0.0.0.0:9464\""),
     "t:2: metrics_listen \"0.0.0.0:9464\" is no loopback address: the pages are not encrypted and "
     "ask for no password; listen on 127.0.0.1, [::1] or localhost, and put a reverse proxy"},
    {IN_BROKER("\"metrics_listen\":\"9464\""),
     "t:2: metrics_listen \"9464\" is no address with a port; write it as in \"127.0.0.1:9464\""},
    {IN_BROKER("\"metrics_listen\":9464"), "t:2: \"metrics_listen\" is a number; write"},
    {IN_BROKER("\"metrics_tools\":true"), "\"metrics_tools\" is true; write \"off\" or \"on\""},
    {IN_BROKER("\"redis\":{\"tick\":\"1ms\"}"),
     "\"tick\" is \"1ms\", out of range; give 50ms to 10m"},
};

static const struct row order_rows[] = {
    {IN_OPTIONS("\"min_pool_size\":9"), "t:2: \"min_pool_size\" (9) must not be more than "
                                        "\"pool_size\" (8); lower the first or raise the second"},
    {IN_OPTIONS("\"pool_size\":2,\n\"min_pool_size\":3"), "t:3: \"min_pool_size\" (3) must not"},
    {IN_OPTIONS("\"backoff_min\":\"31s\""), "t:2: \"backoff_min\" (31s) must not be more than "
                                            "\"backoff_max\" (30s); lower"},
    {IN_OPTIONS("\"backoff_max\":\"99ms\""), "t:2: \"backoff_min\" (100ms) must not be more than "
                                             "\"backoff_max\" (99ms)"},
    {IN_OPTIONS("\"call_timeout_max\":\"60s\""), "t:2: \"call_timeout\" (5m) must not be more than "
                                                 "\"call_timeout_max\" (1m)"},
    {IN_BROKER("\"max_frame\":\"24MiB\""), "t:2: \"max_frame\" (24MiB) must be less than "
                                           "\"outbuf_max\" (24MiB); lower the first or raise"},
    {IN_BROKER("\"max_response\":\"25MiB\""), "t:2: \"max_response\" (25MiB) must be less than "
                                              "\"outbuf_max\" (24MiB)"},
    {IN_BROKER("\n\"outbuf_max\":\"8MiB\""), "t:3: \"max_response\" (16MiB) must be less than"},
    {IN_OPTIONS("\"breaker_open\":\"61s\""), "t:2: \"breaker_open\" (61s) must not be more than "
                                             "\"breaker_open_max\" (1m); lower"},
    {IN_BROKER("\"outbuf_soft\":\"25MiB\""), "t:2: \"outbuf_soft\" (25MiB) must not be more than "
                                             "\"outbuf_max\" (24MiB)"},
    {IN_BROKER("\"mem_limit\":\"24MiB\""), "t:2: \"outbuf_max\" (24MiB) must be less than "
                                           "\"mem_limit\" (24MiB)"},
};

#define ALLOW(row) IN_OPTIONS("\"allow\":{\n" row "}")
static const struct row access_rows[] = {
    {IN_OPTIONS("\"allow\":[]"), "t:2: \"allow\" is a list; write an object"},
    {ALLOW("\"user\":[]"), "t:3: unknown key \"user\" in \"allow\"; did you mean \"users\"?"},
    {ALLOW("\"methods\":[]"), "it has \"users\", \"groups\" and \"tools\""},
    {IN_OPTIONS("\"deny\":{\"users\":[]}"), "t:2: unknown key \"users\" in \"deny\"; it has"},
    {ALLOW("\"users\":\"root\""), "t:3: \"users\" is a text; write a list of names or numbers"},
    {ALLOW("\"users\":[\"root\",\n\"no such user\"]"),
     "t:4: there is no user \"no such user\" on this system; create it, or write a number"},
    {ALLOW("\"users\":[\"\"]"), "t:3: there is no user \"\" on this system"},
    {ALLOW("\"users\":[\"root\\u0000\"]"), "t:3: there is no user \"root?\" on this system"},
    {ALLOW("\"groups\":[\"no such group\"]"), "t:3: there is no group \"no such group\" on"},
    {ALLOW("\"users\":[-1]"), "t:3: user -1 is no id; write a number from 0 to 4294967294"},
    {ALLOW("\"users\":[\"-1\"]"), "t:3: user -1 is no id"},
    {ALLOW("\"users\":[4294967295]"), "t:3: user 4294967295 is no id"},
    {ALLOW("\"users\":[1.5]"), "t:3: user 1.5 is no id"},
    {ALLOW("\"groups\":[99999999999999999999]"), "t:3: group 99999999999999999999 is no id"},
    {ALLOW("\"users\":[null]"), "t:3: \"user\" is null; write a text in quotes"},
    {ALLOW("\"tools\":{}"), "t:3: \"tools\" is an object; write a list of names, as in"},
    {ALLOW("\"tools\":[\"\"]"),
     "t:3: a tool of \"allow\" is empty, longer than 128 bytes or has a"},
    {ALLOW("\"tools\":[7]"), "t:3: \"tools\" is a number; write a text in quotes"},
    {IN_OPTIONS("\"deny\":{\"tools\":[\"a\\u0000b\"]}"),
     "t:2: a tool of \"deny\" is empty, longer"},
    {IN_OPTIONS("\"deny\":{\"tools\":[\"\\ud800\"]}"), "t:2: \"tools\" has half a surrogate pair"},
};

static const struct row redis_rows[] = {
    {IN_BROKER("\"redis\":7"), "t:2: the \"redis\" object is a number; write an object"},
    {IN_BROKER("\"redis\":{\"url\":7}"), "t:2: \"url\" is a number; write a text in quotes"},
    {REDIS("http://h/"), "t:2: the redis url does not begin with redis://, rediss://, unix://, "
                         "sentinel:// or sentinels://"},
    {REDIS("sentinel://:hunter2@h"), "t:2: the redis url does not say what the sentinels call the "
                                     "master"},
    {REDIS("sentinel://a,b,c,d,e,f,g,h,i/m"), "names more than 8 sentinels"},
    {REDIS_OBJECT("redis://h", "\"tls_ca\":\"/a\""),
     "t:2: \"tls_ca\" needs TLS, which the redis url does not ask for; write rediss://"},
    {REDIS_OBJECT("rediss://h", "\"tls_ca\":\"a\""), "\"tls_ca\" is no whole path"},
    {REDIS_OBJECT("rediss://h", "\"tls_key\":\"/a\""),
     "t:2: \"tls_cert\" and \"tls_key\" belong together"},
    {REDIS_OBJECT("rediss://h", "\"sentinel_password\":\"hunter2\""),
     "t:2: \"sentinel_password\" needs sentinels, which the redis url does not name"},
    {REDIS_OBJECT("redis://:hunter2@h", "\"password\":\"hunter2\""),
     "t:2: \"password\" is given, and the redis url has one too"},
    {REDIS_OBJECT("redis://u@h", "\"username\":\"u\""),
     "t:2: \"username\" is given, and the redis url has one too"},
    {REDIS_OBJECT("redis://h", "\"password\":\"${UNSET_1}\""),
     "t:2: ${UNSET_1} is not set in the environment; export it, or remove the option"},
    {REDIS("redis:///0"), "has no host"},
    {REDIS("redis://:hunter2@/0"), "has no host"},
    {REDIS("redis://h:99999/0"), "has a port that is none"},
    {REDIS("redis://h/zero"), "has something else than a database number behind the host"},
    {REDIS("redis://h/0/1"), "has something else than a database number"},
    {REDIS("redis://h?db=1"), "has a host that is none"},
    {REDIS("redis://h/123456"), "has something else than a database number"},
    {REDIS("redis://:hunter2/x@h/0"), "a / in a password as %2F"},
    {REDIS("redis://h\\n/0"), "has a space, a backslash"},
    {REDIS("unix://redis.sock"), "has no usable path; write it whole"},
    {REDIS("unix:///"), "has no usable path"},
    {REDIS("unix:///r.sock?x=1"), "has something else than ?db= and a number"},
    {REDIS("unix:///r.sock?db="), "has something else than ?db= and a number"},
    {REDIS("${UNSET_1}"), "t:2: ${UNSET_1} is not set in the environment; export it, or remove the "
                          "redis url"},
    {REDIS("redis://${LONG}"), "the redis url is longer than 2048 bytes; shorten it"},
    {REDIS("redis://:hunter2%zz@h/0"),
     "t:2: the redis url is not usable: a % without two hex digits"},
    {REDIS("redis://h/99999"), "has something else than a database number"},
    {REDIS("redis://[h]/"), "the redis url is not usable"},
    {IN_BROKER("\"redis\":{\"namespace\":\"A\"}"), "t:2: namespace \"A\" is no usable name; begin "
                                                   "with a small letter"},
    {IN_BROKER("\"redis\":{\"namespace\":\"\"}"),
     "\"namespace\" is 0 bytes long; give 1 to 32 bytes"},
    {IN_BROKER("\"redis\":{\"namespace\":\"a_b\"}"), "namespace \"a_b\" is no usable name"},
    {IN_BROKER("\"redis\":{\"namespace\":\"nan\"}"), "reads as a number in dashboards"},
    {IN_BROKER("\"redis\":{\"namespace\":\"a\\u0000\"}"),
     "\"namespace\" has a NUL byte; remove it"},
    {IN_BROKER("\"redis\":{\"namespace\":\"a\\ud800\"}"), "\"namespace\" has half a surrogate"},
    {IN_BROKER("\"redis\":{\"namespace\":{}}"), "\"namespace\" is an object; write a text"},
    {IN_BROKER("\"redis\":false"), "the \"redis\" object is false; write an object"},
    {IN_BROKER("\"redis\":{\"namespace\":null}"), "\"namespace\" is null; write a text"},
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bytes message;
        const char *text;

        bytes_init(&message, 10000);
        assert_row(i, config_parse_text("t", span_of(rows[i].text), &message) == NULL);
        text = bytes_text(&message);
        assert_non_null(text);
        if (strstr(text, rows[i].message) == NULL) {
            print_error("row %zu says %s\nexpected    %s\n", i, text, rows[i].message);
            fail();
        }
        assert_row(i, strstr(text, "hunter2") == NULL);
        assert_row(i, strchr(text, '\n') == NULL && strchr(text, ';') != NULL);
        bytes_done(&message);
    }
}

#define TEST_ROWS(name)                                                                            \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        check_rows(name##_rows, COUNT_OF(name##_rows));                                            \
    }
TEST_ROWS(json)
TEST_ROWS(key)
TEST_ROWS(server)
TEST_ROWS(url)
TEST_ROWS(header)
TEST_ROWS(value)
TEST_ROWS(order)
TEST_ROWS(access)
TEST_ROWS(redis)

/* Every number, in every scope, one step outside of its range and at its ends. */
static void test_ranges(void **state)
{
    (void)state;
    for (enum option_scope scope = OPTION_SCOPE_SERVER; scope < OPTION_SCOPE_NONE; scope++) {
        for (const struct config_option *option = config_option_next(scope, NULL); option != NULL;
             option = config_option_next(scope, option)) {
            const int64_t values[] = {option->least - 1, option->least, option->most,
                                      option->most + 1};

            for (int i = 0; i < 4; i++) {
                struct config_place place = {"t", SPAN_NONE, NULL, NULL};
                struct bytes token;
                struct bytes message;
                int64_t number;

                if (config_value_is_text(option->type) || option->type == OPTION_TYPE_LEVEL ||
                    option->type == OPTION_TYPE_CHOICE || option->type == OPTION_TYPE_STATUSES ||
                    values[i] < 0) {
                    continue;
                }
                bytes_init(&token, 100);
                bytes_init(&message, 1000);
                place.message = &message;
                bytes_append_text(&token, option->type == OPTION_TYPE_COUNT ? "" : "\"");
                config_value_print(option->type, values[i], &token);
                bytes_append_text(&token, option->type == OPTION_TYPE_COUNT ? "" : "\"");
                assert_int_equal(
                    config_option_read_number(&place, option, bytes_span(&token), &number) == 0,
                    i == 1 || i == 2);
                bytes_done(&token);
                bytes_done(&message);
            }
        }
    }
}

static void test_many_entries(void **state)
{
    struct bytes text;
    struct bytes message;

    (void)state;
    bytes_init(&text, 100000);
    bytes_init(&message, 1000);
    bytes_append_text(&text, "{\"mcpServers\":{\n");
    for (int i = 0; i <= 256; i++) {
        bytes_printf(&text, "%s\"s%d\":{\"url\":\"http://h/\"}\n", i == 0 ? "" : ",", i);
    }
    bytes_append_text(&text, "}}");
    assert_null(config_parse_text("t", bytes_span(&text), &message));
    assert_bytes(message, "t:258: \"mcpServers\" has more than 256 entries; remove some");
    bytes_done(&text);
    bytes_done(&message);
}

static void test_long_list(void **state)
{
    struct bytes text;
    struct bytes message;

    (void)state;
    bytes_init(&text, 100000);
    bytes_init(&message, 1000);
    bytes_append_text(&text, "{\"mcpServers\":{\"a\":{\"url\":\"http://h/\",\"teplo\":{\"deny\":{"
                             "\"tools\":[\n\"x\"");
    for (int i = 0; i < 256; i++) {
        bytes_append_text(&text, ",\n\"x\"");
    }
    bytes_append_text(&text, "]}}}}}");
    assert_null(config_parse_text("t", bytes_span(&text), &message));
    assert_bytes(message, "t:258: \"tools\" has more than 256 entries; remove some");
    bytes_done(&text);
    bytes_done(&message);
}

static int set_environment(void **state)
{
    static char value[10001];

    (void)state;
    memset(value, 'x', sizeof(value) - 1);
    return setenv("LONG", value, 1) + setenv("CONTROL", "hunter2\r\nX: y", 1) + unsetenv("UNSET_1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),   cmocka_unit_test(test_key),
        cmocka_unit_test(test_server), cmocka_unit_test(test_url),
        cmocka_unit_test(test_header), cmocka_unit_test(test_value),
        cmocka_unit_test(test_order),  cmocka_unit_test(test_redis),
        cmocka_unit_test(test_ranges), cmocka_unit_test(test_many_entries),
        cmocka_unit_test(test_access), cmocka_unit_test(test_long_list),
    };

    return cmocka_run_group_tests(tests, set_environment, NULL);
}
