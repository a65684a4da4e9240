"""One full run of this machine: results as JSON, text tables, one page and one picture.

Files of an earlier run in the folder are replaced; what could not be measured leaves none. In
docs/results the textbooks' claims also go into docs/claims.md.
"""

import argparse
import dataclasses
import os
import pathlib
import subprocess
import sys
import time

RESULTS = pathlib.Path("docs/results")
# Nothing takes longer than this, or it hangs.
STEP_TIMEOUT_S = 40 * 60
PAIRS = ["--pairs", "11", "--max-pairs", "30"]
TRIAL = {"1GiB": "1MiB", "256MiB": "512KiB", "64..16MiB": "64..16KiB", "30": "2", "60": "2",
         "15": "2", "11": "2", "5": "2"}


@dataclasses.dataclass
class Step:
    """A command; its JSON goes to `name`.json, what it prints to `name`.txt."""
    name: str
    title: str
    arguments: list
    may_be_denied: bool = False  # then the host has the last word, and that is no failure
    only_by_name: bool = False  # not part of the full run: it takes half as long again
    page: str = ""  # of its own; the others share report.html

    def command(self, leat, folder):
        json = folder / f"{self.name}.json"
        if self.name == "peers":
            return ["scripts/bench", "peers", *self.arguments, "--json", json]
        if self.page:
            return [leat, "bench", *self.arguments, "--json", json, "--html", folder / self.page]
        return [leat, "bench", *self.arguments, f"--json={json}"]


def transfer(name, title, source, sink, size, *more, pairs=None, may_be_denied=False):
    return Step(name, title, ["transfer", "--source", source, "--sink", sink, "--size", size,
                              *more, *(pairs or PAIRS)], may_be_denied)


def steps():
    settle = ["--pairs", "11", "--max-pairs", "60"]  # what the README shows
    cold = ["--cold", "--pairs", "11", "--max-pairs", "15"]  # at the disk's speed
    return [
        transfer("file-tcp", "a warm file to TCP", "file", "tcp", "1GiB", pairs=settle),
        transfer("file-tcp-copy", "a warm file to TCP, the receiver copies", "file", "tcp", "1GiB",
                 "--receiver", "copy"),
        transfer("file-tcp-cold", "a cold file to TCP", "file", "tcp", "1GiB", pairs=cold,
                 may_be_denied=True),
        transfer("file-tcp-cold-copy", "a cold file to TCP, the receiver copies", "file", "tcp",
                 "1GiB", "--receiver", "copy", pairs=cold, may_be_denied=True),
        transfer("memory-tcp", "memory to TCP", "memory", "tcp", "256MiB"),
        transfer("pipe-tcp", "a pipe to TCP", "pipe", "tcp", "256MiB"),
        transfer("tcp-file", "TCP to a file", "tcp", "file", "256MiB"),
        transfer("file-file", "a file to a file", "file", "file", "256MiB"),
        transfer("file-pipe", "a file to a pipe", "file", "pipe", "256MiB"),
        transfer("file-unix", "a file to a UNIX socket", "file", "unix", "256MiB"),
        transfer("file-tcp-sizes", "files of many sizes to TCP", "file", "tcp", "64..16MiB"),
        transfer("memory-tcp-sizes", "memory of many sizes to TCP", "memory", "tcp", "64..16MiB"),
        transfer("file-veth", "a file to TCP between two network namespaces", "file", "tcp",
                 "256MiB", "--path", "veth", may_be_denied=True),
        Step("peers", "leat copy beside other programs", ["--size", "1GiB", "--rounds", "11",
                                                           "--max-rounds", "60"]),
        Step("claims", "what the textbooks claim", ["claims", "--size", "1GiB", "--pairs",
                                                   "11", "--max-pairs", "30"]),
        Step("memory", "slices, chains, pools and shared buffers",
             ["memory", "--size", "256MiB", "--pairs", "11", "--max-pairs", "60"]),
        Step("read", "a file read or mapped",
             ["read", "--size", "1GiB", "--pairs", "11", "--max-pairs", "30"]),
        Step("planner", "leat's choice beside the best mechanism", ["planner", "--size", "1GiB"],
             only_by_name=True, page="planner.html"),
    ]


def run(step, leat, folder):
    """Runs a step and keeps what it printed. Returns what went wrong, or nothing."""
    for kept in (folder / f"{step.name}.json", folder / f"{step.name}.txt"):
        kept.unlink(missing_ok=True)
    try:
        done = subprocess.run([*map(str, step.command(leat, folder))], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=STEP_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"did not end within {STEP_TIMEOUT_S // 60} minutes"
    if done.returncode != 0:
        (folder / f"{step.name}.json").unlink(missing_ok=True)
        return (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
    (folder / f"{step.name}.txt").write_text(done.stdout)
    return ""


def render(leat, folder, made):
    results = [folder / f"{name}.json" for name in made]
    command = [leat, "bench", "page", *results, "--html", folder / "report.html"]
    subprocess.run([*map(str, command)], check=True)
    if "file-tcp" in made:
        subprocess.run([leat, "bench", "page", str(results[made.index("file-tcp")]), "--svg",
                        str(folder / "transfer.svg")], check=True)


def write_index(folder, all_steps, problems, minutes):
    """What is there, and what is not: the folder's README."""
    lines = ["# Results", "",
             "Made by `scripts/bench report`: [report.html](report.html) shows all. Command, host "
             "and load stand",
             "in each file. How to read them: [docs/benchmarking.md](../benchmarking.md).", "",
             "| measured | table | figures |", "| --- | --- | --- |"]
    for step in all_steps:
        if step.name in problems:
            lines.append(f"| {step.title} | not measured: {problems[step.name]} | |")
        else:
            page = f", [{step.page}]({step.page})" * bool(step.page)
            lines.append(f"| {step.title} | [{step.name}.txt]({step.name}.txt){page} | "
                         f"[{step.name}.json]({step.name}.json) |")
    if minutes is not None:
        lines += ["", f"The run took {minutes:.0f} minutes."]
    (folder / "README.md").write_text("\n".join(lines) + "\n")


def for_trial(step):
    return dataclasses.replace(step, arguments=[TRIAL.get(word, word) for word in step.arguments])


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench report", description=__doc__)
    parser.add_argument("--leat", required=True, help=argparse.SUPPRESS)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, metavar="FOLDER",
                        default=RESULTS,
                        help="where the files go (docs/results)")
    parser.add_argument("--only", nargs="+", choices=[step.name for step in steps()],
                        metavar="NAME", help="these results anew; the others stay as they are")
    parser.add_argument("--trial", action="store_true",
                        help="tiny sizes and two rounds: whether everything runs, not how fast")
    return parser.parse_args()


def main():
    options = arguments()
    all_steps = [for_trial(step) if options.trial else step for step in steps()]
    options.folder.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"report: the load is {load:.1f}: what else runs here will be in the figures",
              file=sys.stderr)
    began = time.monotonic()
    problems, failed = {}, False
    for step in all_steps:
        if step.name not in options.only if options.only else step.only_by_name:
            if not (options.folder / f"{step.name}.json").exists():
                problems[step.name] = "left out"
            continue
        print(f"{(time.monotonic() - began) / 60:5.1f} min  {step.title}", flush=True)
        problem = run(step, options.leat, options.folder)
        if problem:
            print(f"           not measured: {problem}", flush=True)
            problems[step.name] = problem
            failed = failed or not step.may_be_denied
    made = [step.name for step in all_steps if step.name not in problems and not step.page]
    if made:
        render(options.leat, options.folder, made)
    if "claims" in made and options.folder == RESULTS and not options.trial:
        subprocess.run([sys.executable, "bench/claims_page.py", str(RESULTS / "claims.json"),
                        "docs/claims.md"], check=True)
    minutes = (time.monotonic() - began) / 60
    write_index(options.folder, all_steps, problems, None if options.only else minutes)
    print(f"{minutes:5.1f} min  {options.folder / 'report.html'}")
    return 1 if failed or len(problems) == len(all_steps) else 0


if __name__ == "__main__":
    sys.exit(main())
