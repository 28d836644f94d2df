/* SPDX-License-Identifier: MIT */
/* Blocking calls from any thread, on one object:  shared_threads TOOL '{...}' '{...}' ... */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <teplo.h>

enum { THREADS_MAXIMUM = 16 };

struct job {
    struct teplo_shared *shared;
    const char *tool;
    const char *arguments;
    int is_good; /* of its own thread, until it is joined */
};

static void *run(void *context)
{
    struct job *job = context;
    struct teplo_callopts callopts = TEPLO_CALLOPTS_INIT;
    struct teplo_result *result;

    callopts.timeout_ms = 10000;
    if (teplo_shared_call_tool(job->shared, job->tool, job->arguments, strlen(job->arguments),
                               &callopts, &result) == TEPLO_OK) {
        job->is_good = 1;
        puts(teplo_result_text(result, NULL));
    } else {
        (void)fprintf(stderr, "%s\n",
                      result == NULL ? "no memory" : teplo_result_message(result, NULL));
    }
    teplo_result_free(result);
    return NULL;
}

int main(int argc, char **argv)
{
    struct teplo_shared *shared;
    struct job jobs[THREADS_MAXIMUM];
    pthread_t threads[THREADS_MAXIMUM];
    int count = 0;
    int good = 0;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: %s TOOL JSON...\n", argv[0]);
        return 2;
    }
    if (teplo_shared_new(NULL, &shared) < 0) {
        return 1;
    }
    for (int i = 2; i < argc && count < THREADS_MAXIMUM; i++) {
        jobs[count] = (struct job){shared, argv[1], argv[i], 0};
        count += pthread_create(&threads[count], NULL, run, &jobs[count]) == 0;
    }
    for (int i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
        good += jobs[i].is_good;
    }
    teplo_shared_free(shared);
    return good == argc - 2 ? 0 : 1;
}
