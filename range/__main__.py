"""python -m range record --seed 7 --customers 3200 --out examples/copperleaf"""

import argparse
import signal
import sys
from pathlib import Path

from .record import record

parser = argparse.ArgumentParser(prog="range", description=__doc__)
verbs = parser.add_subparsers(required=True)
verb = verbs.add_parser("record", help="start a store, attack it on loopback, keep the evidence and the ground truth")
verb.add_argument("--seed", type=int, default=7)
verb.add_argument("--customers", type=int, default=3200, help="invented people; a fifth of them buy as guests")
verb.add_argument("--technique", choices=("union", "error"), default="union", help="how sqlmap dumps tables, and all that differs along with it")
verb.add_argument("--minutes", type=float, default=16, help="how long the recording takes")
verb.add_argument("--pause", type=float, default=0.5, help="mean pause of a shopper between pages, in seconds")
verb.add_argument("--store-name", default="Copperleaf")
verb.add_argument("--out", type=Path, required=True)
arguments = parser.parse_args()
# Being told to stop is a reason to clean up, not to leave servers running.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
# A shell that starts this in the background has it ignore SIGINT, and sqlmap would inherit that; it is interrupted on purpose.
signal.signal(signal.SIGINT, signal.default_int_handler)
record(arguments.seed, arguments.customers, arguments.out, arguments.technique, arguments.minutes, arguments.pause, arguments.store_name)
