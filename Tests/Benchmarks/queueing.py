# SPDX-License-Identifier: Apache-2.0
"""How long jobs wait for one of several workers: M/G/c by Allen and Cunneen."""

import math


def chance_to_wait(load, servers):
    """Erlang's C: the share of those who find all of `servers` busy, when `load` of them are on average.

    (A. K. Erlang, 1917; the recursion for B is the usual one, since factorials would overflow.)
    """
    if load >= servers:
        return 1.0
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def mean_wait(rate, servers, service, scv, arrivals_scv=1.0):
    """Seconds that a job waits on average.

    rate: jobs per second; service: seconds, mean; scv: squared coefficient of variation of services, `arrivals_scv`
    that of the times between arrivals (1: they know nothing of each other). Infinite when there are too few servers.
    (A. O. Allen, Probability, Statistics and Queueing Theory, 1990, section 5.3.)
    """
    load = rate * service
    if load >= servers:
        return math.inf
    return chance_to_wait(load, servers) * service / (servers - load) * (arrivals_scv + scv) / 2
