"""One recording, from an empty folder to evidence, snapshots and ground truth."""

from __future__ import annotations

import gzip
import random
import shutil
import subprocess
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

from . import story
from .intrusion import Intruder, choose
from .services import REPOSITORY, Services
from .traffic import Traffic
from .truth import tell


def record(seed: int, customers: int, out: Path, technique: str, minutes: float, pause: float, store_name: str) -> None:
    run = Path(tempfile.mkdtemp(prefix="range-"))
    api_key = "vxk_" + random.Random(f"key {seed}").randbytes(20).hex()
    services = Services(run, store_name, api_key)
    try:
        with services:
            _fill(services, seed, customers)
            services.start_applications()
            _empty_logs(services)
            intruder, moments = _play(services, seed, customers, technique, minutes, pause)
            with services.observe() as connection:
                truth = tell(connection, intruder.received)
        _keep(services, out)
        for name in ("before", "after"):
            (out / "snapshot").mkdir(exist_ok=True)
            shutil.copy(run / f"{name}.sql.gz", out / "snapshot" / f"{name}.sql.gz")
        (out / "truth").mkdir(exist_ok=True)
        truth.write(out / "truth" / "cells.csv")
        story.write(out, store_name, seed, customers, technique, minutes, moments, intruder.received.moments, truth)
        for (step, data_class, effect, certainty), count in sorted(truth.summary().items()):
            print(f"  {step:3} {effect:9} {data_class:22} {certainty:8} {count}")
    finally:
        shutil.rmtree(run, ignore_errors=True)


def _say(text: str) -> None:
    print(f"{datetime.now(timezone.utc):%H:%M:%S} {text}", flush=True)


def _fill(services: Services, seed: int, customers: int) -> None:
    _say("creating the store's tables")
    services.manage("django", "migrate", "-v", "0")
    services.manage("django", "collectstatic", "--noinput", "-v", "0")
    _say(f"filling it with {customers} invented people")
    services.manage("range.fill", str(seed), str(customers), services.vendor_api_key_id, services.api_key)
    services.manage("django", "rebuild_index", "--noinput", "-v", "0")
    with services.observe() as connection:
        connection.execute((REPOSITORY / "range" / "vendor" / "views.sql").read_text())
        connection.execute("ANALYZE")


def _empty_logs(services: Services) -> None:
    """The evidence begins when the store is open, not while it is being built."""
    services.rotate("db")
    time.sleep(2)
    for log in sorted(services.logs.glob("db/*.csv"))[:-1]:
        log.unlink()
    for log in (*services.logs.glob("web/*"), *services.logs.glob("vendor/*"), *services.logs.glob("app/*")):
        log.write_bytes(b"")


def _play(services: Services, seed: int, customers: int, technique: str, minutes: float, pause: float):
    total = minutes * 60
    moments: dict[str, float] = {}
    with Traffic(services, seed, services.api_key, pause) as traffic:
        began = time.time()
        moments["began"] = began
        intruder = Intruder(services, traffic, choose(seed, customers, technique), services.run / "workshop")

        def until(share: float) -> None:
            time.sleep(max(0.0, began + share * total - time.time()))

        until(0.06)
        _say("the vendor's nightly job")
        traffic.nightly()
        until(0.12)
        _say("snapshot before")
        moments["before"] = time.time()
        services.dump(services.run / "before.sql.gz")
        until(0.20)
        services.rotate("web")
        _say("the intrusion")
        intruder.stuff(0.20 * total)
        until(0.46)
        intruder.inject()
        until(0.56)
        for log in ("web", "app", "vendor", "db"):
            services.rotate(log)
        _say("an administrator looks through customers and exports orders; the vendor's job runs again")
        traffic.export()
        traffic.nightly()
        until(0.60)
        intruder.scrape(0.12 * total)
        until(0.75)
        intruder.plunder()
        moments["intrusion ended"] = time.time()
        _say("after the intrusion")
        until(0.88)
        traffic.export()
        until(1.0)
        moments["after"] = time.time()
        _say("snapshot after")
        services.dump(services.run / "after.sql.gz")
        time.sleep(3)
        moments["ended"] = time.time()
    _say("traffic: " + ", ".join(f"{count} {what.strip('_')}" for what, count in sorted(traffic.done.items())))
    return intruder, moments


def _keep(services: Services, out: Path) -> None:
    """Copies the logs to where a responder would have put them; the older ones compressed."""
    evidence = out / "evidence"
    for old in ("evidence", "snapshot", "truth"):
        shutil.rmtree(out / old, ignore_errors=True)
    databases = sorted(services.logs.glob("db/*.csv"))
    rotated = [log for folder in ("web", "app", "vendor") for log in services.logs.glob(f"{folder}/*log*")]
    # As logrotate's delaycompress does for the web server: the newest rotated file stays as it is.
    plain = {services.logs / "web" / "access.log.1", databases[-1]}
    compress = {log for log in (*databases, *rotated) if log.suffix != ".log"} - plain
    for log in (*databases, *rotated):
        target = evidence / log.parent.name / log.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if log in compress:
            with gzip.GzipFile(f"{target}.gz", "wb", compresslevel=9, mtime=0) as packed:
                packed.write(log.read_bytes())
        else:
            shutil.copyfile(log, target)
    _say(subprocess.run(["du", "-sh", evidence], stdout=subprocess.PIPE, text=True, check=True).stdout.strip())
