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
};

static void *run(void *context)
{
    const struct job *job = context;
    struct teplo_callopts callopts = TEPLO_CALLOPTS_INIT;
    struct teplo_result *result;

    callopts.timeout_ms = 10000;
    if (teplo_shared_call_tool(job->shared, job->tool, job->arguments, strlen(job->arguments),
                               &callopts, &result) == TEPLO_OK) {
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

    if (argc < 3 || teplo_shared_new(NULL, &shared) < 0) {
        return 1;
    }
    for (int i = 2; i < argc && count < THREADS_MAXIMUM; i++) {
        jobs[count] = (struct job){shared, argv[1], argv[i]};
        count += pthread_create(&threads[count], NULL, run, &jobs[count]) == 0;
    }
    for (int i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    teplo_shared_free(shared);
    return 0;
}
