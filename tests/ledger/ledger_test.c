/* SPDX-License-Identifier: MIT */
/* The at-most-once test as a program of its own, for ctest and run.sh. */
#include "client-lib/bench/faults.h"

int main(int count, char **words)
{
    return faults_run(count, words);
}
