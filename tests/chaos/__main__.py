"""Synchronisations under fire: `python -m tests.chaos --seeds 50`, which is `make chaos`.

Full synchronisations for every seed, and for every fifth one also the transfer of orders and quotes, and deletions that
travel.

Every seed is a run of its own over fresh data and a fresh database, on real workers that get killed while both systems
and both servers misbehave. Afterwards both systems have to hold exactly what an undisturbed run made of the same data,
and a further run must write nothing. Prints a line per seed; ends with 1 when any of them failed.
"""

import argparse
import logging
import shutil
import signal
import sys
import time

from tests.chaos import environment


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="How many runs.")
    parser.add_argument("--scenario", choices=["full", "documents", "deletions"], help="Only this kind of work.")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--variants", type=int, default=4, help="How many sets of data and settings the seeds share.")
    parser.add_argument("--verbose", action="store_true", help="Say what strikes when.")
    parser.add_argument("--keep", action="store_true", help="Keep the directory with the logs of the workers.")
    arguments = parser.parse_args()
    environment.prepare()
    # Servers, sandbox and workers are ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    import django

    django.setup()
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("tests.chaos").setLevel(logging.INFO if arguments.verbose else logging.ERROR)
    try:
        failed = _run(arguments)
    finally:
        if arguments.keep:
            say(f"kept: {environment.DIRECTORY}")
        else:
            shutil.rmtree(environment.DIRECTORY, ignore_errors=True)
    return 1 if failed else 0


def _run(arguments: argparse.Namespace) -> list[str]:
    from tests.chaos.campaign import Campaign
    from tests.chaos.deletions import Deletions
    from tests.chaos.documents import Documents
    from tests.chaos.rig import Rig
    from tests.chaos.scenario import FullSynchronisation, Scenario

    runs, failed = 0, []
    started = time.monotonic()
    scenarios: list[Scenario] = [FullSynchronisation(), Documents(), Deletions()]
    with Rig() as rig:
        for scenario in scenarios:
            if arguments.scenario not in (None, scenario.name):
                continue
            share = 1 if arguments.scenario else scenario.share
            campaign = Campaign(rig, scenario, variants=min(arguments.variants, scenario.variants), say=say)
            for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds, share):
                result = campaign.run(seed)
                runs += 1
                say(str(result))
                for problem in result.problems:
                    say(f"    {problem}")
                if result.problems:
                    failed.append(f"{scenario.name} {seed}")
    say(
        f"{runs - len(failed)} of {runs} runs passed in {time.monotonic() - started:.0f} s"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    return failed


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
