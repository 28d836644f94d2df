/* SPDX-License-Identifier: MIT */
/*
 * The promise of delivery as a model: at most one execution, exactly one honest outcome.
 *
 * N calls through a broker that keeps a crash ledger (queued, sent, over), over a network
 * that may be late and lossy, to servers that may die at any point; a client that leaves or
 * takes its call back; a broker that dies and is started again, or is told to stop, or hands
 * its sockets over to another process and finishes what it has.
 *
 * What a call may meet is a choice of the model checker, at each step.  run.sh checks this
 * file as it is, and that each of these mutants is found out:
 *   M1  a request whose connection broke without a reply is sent again (as libcurl does)
 *   M2  a 5xx or a broken connection is called "not executed"
 *   M3  a broker that stops calls what it has sent "not executed"
 *   M4  the ledger says "sent" only after the first byte has left
 *   M5  a broker that hands over calls what it has sent "not executed"
 *   M6  a call whose connection broke is waited for for ever (only not live)
 */
#ifndef N
#define N 2
#endif
#define ATTEMPTS 2

mtype = { none, result, not_executed, unknown }; /* outcomes */
mtype = { ok, refused };                         /* replies */
mtype = { free, queued, sent, over };            /* how a call stands in the ledger */

chan net[N] = [ATTEMPTS] of { bit };    /* requests that the kernel has */
chan reply[N] = [ATTEMPTS] of { mtype };
byte executions[N];
byte told[N];           /* outcomes that the client has heard */
mtype outcome[N] = none;
mtype ledger[N] = free;
byte attempts[N];
bool is_dead;           /* the broker: calls end where they are */
bool is_recovered;      /* its successor has read the ledger */
bool is_stopping;
bool is_handing_over;

inline tell(i, what)
{
    d_step {
        outcome[i] = what;
        told[i]++;
        ledger[i] = over
    }
}

/* One server's view of one call: whatever arrives may be executed once, late, or never. */
proctype server(byte i)
{
end:
    do
    :: net[i]?_ ->
        if
        :: d_step { executions[i]++ }
            if
            :: reply[i]!ok
            :: skip         /* it died, or its stream was cut, after executing */
            fi
        :: reply[i]!refused /* a session that it does not know: before executing */
        :: skip             /* it died before executing */
        fi
    od
}

/* One call in the broker, from its line until its end or the broker's. */
proctype call(byte i)
{
    {
        ledger[i] = queued;
        if
        :: tell(i, not_executed); goto done /* full, late, denied, stopping: while queued */
        :: skip
        fi;
again:
        attempts[i]++;
        if
        :: attempts[i] < ATTEMPTS -> ledger[i] = queued; goto again /* no connection */
        :: attempts[i] >= ATTEMPTS -> tell(i, not_executed); goto done
        :: skip
        fi;
#ifdef M4
        net[i]!1;
        ledger[i] = sent;
#else
        ledger[i] = sent;
        net[i]!1; /* from the first byte on, all that follows is possible */
#endif
        if
        :: reply[i]?ok -> tell(i, result)
        :: reply[i]?refused ->
            if
            :: attempts[i] < ATTEMPTS -> ledger[i] = queued; goto again
            :: tell(i, not_executed)
            fi
#ifndef M6
        :: true -> /* end of stream, reset, deadline, 5xx, or the broker has to stop */
#ifdef M1
            if
            :: attempts[i] < ATTEMPTS -> goto again
            :: tell(i, unknown)
            fi
#else
#ifdef M2
            tell(i, not_executed)
#else
#ifdef M3
            if
            :: is_stopping -> tell(i, not_executed)
            :: !is_stopping -> tell(i, unknown)
            fi
#else
#ifdef M5
            if
            :: is_handing_over -> tell(i, not_executed)
            :: !is_handing_over -> tell(i, unknown)
            fi
#else
            tell(i, unknown)
#endif
#endif
#endif
#endif
#endif
        fi;
done:
        skip
    } unless { is_dead };
    /* The broker's death between any two of the steps above; what is over stays so. */
    if
    :: is_dead ->
        is_recovered;
        if
        :: ledger[i] == queued -> tell(i, not_executed) /* the successor, when it is asked */
        :: ledger[i] == sent -> tell(i, unknown)
        :: ledger[i] == free -> tell(i, unknown)        /* no record: nobody can tell */
        :: ledger[i] == over -> skip
        fi
    :: !is_dead
    fi
}

/* Whoever runs the broker: at most one of each, in any order, or nothing. */
active proctype operator()
{
    if
    :: is_stopping = true
    :: is_handing_over = true
    :: skip
    fi;
    if
    :: d_step { is_dead = true; is_recovered = true }
    :: skip
    fi
}

init
{
    byte k;

    atomic {
        k = 0;
        do
        :: k < N -> run server(k); run call(k); k++
        :: k >= N -> break
        od
    }
}

#if N == 2
#define EVERY(what) (what(0) && what(1))
#else
#define EVERY(what) (what(0) && what(1) && what(2))
#endif

#define ONCE(i) (executions[i] <= 1)
#define ONE(i) (told[i] <= 1)
#define HONEST(i)                                                                                  \
    ((outcome[i] != not_executed || executions[i] == 0) &&                                         \
     (outcome[i] != result || executions[i] == 1))
#define ENDED(i) (told[i] == 1)

ltl safe { [] (EVERY(ONCE) && EVERY(ONE) && EVERY(HONEST)) }
ltl live { <> (EVERY(ENDED)) }
