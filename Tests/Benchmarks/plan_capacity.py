#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many workers, machines and Redis servers a service takes. See scripts/plan-capacity."""

import argparse
import dataclasses
import json
import math
import pathlib
import sys

from queueing import mean_wait

#: Beyond this part of what it can do, waiting grows quickly.
FULL = 0.8


@dataclasses.dataclass
class Costs:
    """What requests cost: seconds of one core each, bytes of one Redis' traffic. A hit: the variant was in Redis."""

    front_hit: float
    front_miss: float
    redis_hit: float
    redis_miss: float
    #: What every other front that shares the Redis adds to a miss: it is told that somebody has filled the key.
    redis_told: float
    bytes_hit: float
    bytes_miss: float
    bytes_told: float
    #: Of the pictures with which the bytes were measured.
    variant: float
    original: float


#: As docs/operations.md has them.
MEASURED = Costs(front_hit=373e-6, front_miss=1506e-6, redis_hit=58e-6, redis_miss=342e-6, redis_told=25e-6,
                 bytes_hit=37.3e3, bytes_miss=348e3, bytes_told=153, variant=36.7e3, original=331e3)


@dataclasses.dataclass
class Plan:
    workers: int
    #: Of `FULL` at most; seconds.
    wait: float
    workers_busy: float
    machines: int
    fronts: int
    #: Cores that one Redis' thread would need, and bytes per second through it.
    redis_load: float
    redis_bytes: float
    redis_servers: int


def workers_for(rate, service, scv, most_wait):
    """The fewest workers that are at most `FULL` busy and keep the mean wait below a bound."""
    workers = max(1, math.ceil(rate * service / FULL))
    while mean_wait(rate, workers, service, scv) > most_wait:
        workers += 1
    return workers


def plan(rate, hits, service, scv, cores, costs, machines=None, most_wait=None, network=1.25e9 * FULL):
    """What it takes to answer `rate` requests a second.

    hits: share that a cache answers, all of them by Redis (what a front's own memory answers costs Redis nothing);
    service: seconds of a worker for a miss; cores: of each machine; network: bytes per second of a Redis' machine.
    """
    misses = rate * (1 - hits)
    # Each machine's workers are a queue of their own: of several small ones each needs more to spare than one large.
    front = (rate * hits * costs.front_hit + misses * costs.front_miss) / FULL
    if machines is None:
        machines = 1
        while workers_for(misses / machines, service, scv, most_wait or service) + front / machines > cores:
            machines += 1
    share = misses / machines
    workers = workers_for(share, service, scv, most_wait or service)
    redis = rate * hits * costs.redis_hit + misses * (costs.redis_miss + (machines - 1) * costs.redis_told)
    traffic = rate * hits * costs.bytes_hit + misses * (costs.bytes_miss + (machines - 1) * costs.bytes_told)
    return Plan(workers=workers, wait=mean_wait(share, workers, service, scv), workers_busy=share * service,
                machines=machines, fronts=max(1, math.ceil(front / machines)), redis_load=redis, redis_bytes=traffic,
                redis_servers=max(1, math.ceil(redis / FULL), math.ceil(traffic / network)))


def show(options, costs):
    print(f"{options.rate:g} requests/s, {options.hits:.0%} hits, {options.service_ms:g} ms of a worker for a miss "
          f"(scv {options.scv:g}), {options.cores} cores each\n")
    print("machines  workers each  busy  mean wait ms  fronts each  Redis: of a core     MB/s  servers")
    least = plan(options.rate, options.hits, options.service_ms / 1e3, options.scv, options.cores, costs)
    for machines in sorted({least.machines, *([options.machines] if options.machines else [])}):
        p = plan(options.rate, options.hits, options.service_ms / 1e3, options.scv, options.cores, costs, machines)
        print(f"{p.machines:8}  {p.workers:12}  {p.workers_busy / p.workers:4.0%}  {p.wait * 1e3:12.1f}  {p.fronts:11}"
              f"  {p.redis_load:16.2f}  {p.redis_bytes / 1e6:7.1f}  {p.redis_servers:7}")
    if options.machines and options.machines < least.machines:
        print(f"\n{options.machines} machines are too few: {least.machines} would do")


def main():
    parser = argparse.ArgumentParser(prog="scripts/plan-capacity")
    parser.add_argument("--rate", type=float, help="requests per second, of all machines together")
    parser.add_argument("--hits", type=float, default=0.9, help="share of them that a cache answers")
    parser.add_argument("--service-ms", type=float, default=20, help="milliseconds of a worker for one picture")
    parser.add_argument("--scv", type=float, default=1, help="squared coefficient of variation of these")
    parser.add_argument("--cores", type=int, default=8, help="of each machine")
    parser.add_argument("--machines", type=int, help="a number of machines to look at, beside the fewest")
    parser.add_argument("--costs", type=pathlib.Path, help="what --measure --json wrote")
    parser.add_argument("--measure", action="store_true", help="what requests cost on this machine")
    parser.add_argument("--json", type=pathlib.Path, help="where the measured costs go as well")
    parser.add_argument("--bin", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        import redis_costs

        costs = Costs(**redis_costs.measure(options.bin))
        if options.json:
            options.json.write_text(json.dumps(dataclasses.asdict(costs), indent=2) + "\n")
        return
    if options.rate is None:
        parser.error("--rate or --measure")
    if not (options.rate > 0 and 0 <= options.hits <= 1 and options.service_ms > 0 and options.cores > 0):
        parser.error("--rate, --service-ms and --cores have to be above zero, --hits from 0 to 1")
    try:
        costs = Costs(**json.loads(options.costs.read_text())) if options.costs else MEASURED
    except (OSError, ValueError, TypeError) as error:
        sys.exit(f"error: {options.costs}: {error}")
    show(options, costs)


if __name__ == "__main__":
    main()
