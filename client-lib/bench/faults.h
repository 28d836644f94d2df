/* SPDX-License-Identifier: MIT */
/*
 * teplo-bench --faults: the at-most-once test.  Starts scripted servers and a broker in a
 * private directory, makes calls of which some misbehave, shoots the processes, and judges
 * what the clients were told by what the servers executed (ledger_check.h).
 */
#ifndef TEPLO_BENCH_FAULTS_H
#define TEPLO_BENCH_FAULTS_H

/*
 * WORDS are a command line of its own: words[0] is the program's name, the options follow
 * (--help lists them).  The exit status: 0 all is well, 1 a rule was broken, 2 it could not run.
 */
int faults_run(int count, char **words);

#endif
