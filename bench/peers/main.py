"""leat copy beside other programs: scripts/bench peers."""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile

import files
import network
import others
import tcp
from measure import PeerFailed, is_settled, ratio

# leat promises that no row of the same work is more than this much below it.
BOUND = 0.95
VERSIONS = [["socat", "-V"], ["nginx", "-v"], ["cp", "--version"], ["rsync", "--version"],
            ["iperf3", "--version"], ["pv", "--version"], ["python3", "--version"]]


@dataclasses.dataclass
class Work:
    file: pathlib.Path
    size: int
    folder: pathlib.Path


def wall(sample):
    return sample.wall_s


def cpu(sample):
    return sample.cpu_s


def parse_size(text):
    units = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
    for unit, factor in units.items():
        if text.endswith(unit) and text[:-3].isdigit():
            return int(text[:-3]) * factor
    raise argparse.ArgumentTypeError(f"{text} is no size: write it like 256MiB or 1GiB")


def alternate(peers, work, rounds):
    """Runs all of them in turn until every ratio to the first has settled: samples by name."""
    samples = {peer.name: [] for peer in peers}
    failed = {}
    least, most = rounds
    chance, order = random.Random(1), []
    for number in range(most):
        # In random order, every second round backwards: none always runs behind the same one.
        if number % 2 == 0:
            order = chance.sample(peers, len(peers))
        else:
            order.reverse()
        for peer in order:
            if peer.name in failed:
                continue
            try:
                samples[peer.name].append(peer.measure(work))
            except PeerFailed as problem:
                failed[peer.name] = str(problem)
        baseline = samples[peers[0].name]
        if peers[0].name in failed:
            raise PeerFailed(failed[peers[0].name])
        living = [peer.name for peer in peers if peer.name not in failed]
        settled = all(is_settled(ratio(samples[name], baseline, value))
                      for name in living for value in (wall, cpu))
        print(f"round {number + 1}", end="\r", file=sys.stderr, flush=True)
        if number + 1 >= least and settled:
            break
    return samples, failed


def row_of(name, samples, baseline):
    estimates = {"wall": ratio(samples, baseline, wall), "cpu": ratio(samples, baseline, cpu)}
    return {"name": name, "runs": len(samples),
            "wall_s": statistics.median(map(wall, samples)),
            "cpu_s": statistics.median(map(cpu, samples)),
            **{f"{key}_vs_leat": dict(zip(("ratio", "low", "high"), estimate))
               for key, estimate in estimates.items()},
            "settled": all(map(is_settled, estimates.values()))}


def span(estimate):
    return f"{estimate['ratio']:.2f} [{estimate['low']:.2f}-{estimate['high']:.2f}]"


def table(title, rows, failed, bounded):
    print(f"\n{title}")
    print(f"{'':<22} {'runs':>4} {'wall s':>7} {'cpu s':>7} {'wall to leat':<18} "
          f"{'cpu to leat':<18}")
    for row in rows:
        remark = "" if row["settled"] else "not settled"
        beaten = min(row["wall_vs_leat"]["high"], row["cpu_vs_leat"]["high"]) < BOUND
        if bounded and row["settled"] and beaten:
            remark = "ahead of leat"
        print(f"{row['name']:<22} {row['runs']:>4} {row['wall_s']:>7.3f} {row['cpu_s']:>7.3f} "
              f"{span(row['wall_vs_leat']):<18} {span(row['cpu_vs_leat']):<18} {remark}")
    for name, problem in failed.items():
        print(f"{name:<22} failed: {problem}")


def measure_group(title, peers, work, rounds, bounded=True):
    samples, failed = alternate(peers, work, rounds)
    baseline = samples[peers[0].name]
    rows = [row_of(peer.name, samples[peer.name], baseline) for peer in peers
            if peer.name not in failed]
    table(title, rows, failed, bounded)
    return {"title": title, "rows": rows, "failed": failed}


def versions(leat):
    lines = []
    for command in [[leat, "--version"], *VERSIONS]:
        said = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        words = [line for line in (said.stdout + said.stderr).splitlines()
                 if any(map(str.isdigit, line))]
        lines.append(f"{pathlib.Path(command[0]).name}: {words[0].strip() if words else 'unknown'}")
    return lines


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench peers", description=__doc__)
    parser.add_argument("--leat", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=parse_size, default=1 << 30, help="of the file (1GiB)")
    parser.add_argument("--folder", type=pathlib.Path, default=None,
                        help="where the file and its copies are made")
    parser.add_argument("--rounds", type=int, default=11, help="at least (11)")
    parser.add_argument("--max-rounds", type=int, default=60, help="at most (60)")
    parser.add_argument("--only", choices=("tcp", "file", "others"), help="one table")
    parser.add_argument("--json", type=pathlib.Path, help="writes everything there, too")
    return parser.parse_args()


def main():
    options = arguments()
    congestion_control = network.enter()
    rounds = (options.rounds, max(options.rounds, options.max_rounds))
    result = {"command": "scripts/bench " + " ".join(["peers", *sys.argv[3:]]),
              "host": {"kernel": platform.release(), "cpu": cpu_name(), "cores": os.cpu_count(),
                       "load": os.getloadavg()[0], "congestion_control": congestion_control},
              "versions": versions(options.leat), "groups": []}
    with tempfile.TemporaryDirectory(dir=options.folder) as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        folder.chmod(0o755)  # nginx's worker is somebody else
        file = folder / "payload"
        with open(file, "wb") as payload:
            block = os.urandom(1 << 20)
            for _ in range(options.size >> 20):
                payload.write(block)
        work = Work(file, file.stat().st_size, folder)
        groups = result["groups"]
        if options.only in (None, "tcp"):
            groups.append(measure_group("Same work: a file over TCP", tcp.same_work(
                options.leat, work, stack), work, rounds))
        if options.only in (None, "file"):
            groups.append(measure_group("Same work: a file to a new name", files.same_work(
                options.leat, work), work, rounds))
            groups.append(measure_group(
                "Same work: a file to a new name, past the page cache",
                files.same_work_past_the_cache(options.leat), work, rounds))
        if options.only in (None, "others"):
            for rows in (others.over_tcp(options.leat, stack), others.to_files(options.leat)):
                groups.append(measure_group("For orientation: not the same work", [
                    peer for peer, _ in rows], work, (5, 5), bounded=False))
                for peer, difference in rows:
                    print(f"  {peer.name}: {difference}")
    host = result["host"]
    print(f"\n{result['command']}\nLinux {host['kernel']}; {host['cpu']}, {host['cores']} cores, "
          f"load {host['load']:.1f}; congestion control: {host['congestion_control']}")
    print("\n".join(result["versions"]))
    if options.json:
        options.json.write_text(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PeerFailed as problem:
        sys.exit(f"peers: {problem}")
