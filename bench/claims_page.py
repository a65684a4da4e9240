"""Writes the figures of `leat bench claims --json` into docs/claims.md, between its two markers."""

import argparse
import json
import os
import pathlib
import sys

BEGIN = "<!-- figures: written by bench/claims_page.py -->"
END = "<!-- end of figures -->"
WORDS = {"holds": "holds", "fails": "does not hold here", "depends": "depends",
         "not_told_apart": "not told apart", "not_measurable": "cannot be measured here"}


class Unusable(Exception):
    """What is wrong with a file, in one line."""


def cell(text):
    return " ".join(str(text).split()).replace("\\", "\\\\").replace("|", "\\|")


def block(report):
    """The lines between the markers. Fails with KeyError or TypeError if it is no such report."""
    host = report["host"]
    lines = [f"`{report['command']}`; {host['kernel']}; {host['cpu']}, {host['cores']} cores, load "
             f"{report['load']:.1f}; {host['compiler']}. In brackets 95 % intervals.", "",
             "| claim | textbook | here | verdict |", "| ---: | --- | --- | --- |"]
    for claim in report["claims"]:
        verdict = WORDS.get(claim["verdict"], claim["verdict"])
        lines.append(f"| {claim['number']} | {cell(claim['textbook'])} | {cell(claim['here'])} | "
                     f"**{cell(verdict)}**: {cell(claim['why'])} |")
    return "\n".join(lines)


def with_figures(page, figures):
    """The page with another block; what stands around it stays as it is."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in after:
        raise Unusable("has not exactly one pair of markers")
    return f"{before}{begin}\n{figures}\n{end}{after}"


def figures_of(path):
    try:
        return block(json.loads(path.read_text()))
    except OSError as problem:
        raise Unusable(f"{path}: {problem.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unusable(f"{path}: not what `leat bench claims --json` prints") from None


def main():
    parser = argparse.ArgumentParser(prog="bench/claims_page.py", description=__doc__)
    parser.add_argument("json", type=pathlib.Path, help="what leat bench claims --json printed")
    parser.add_argument("page", type=pathlib.Path, help="docs/claims.md")
    options = parser.parse_args()
    figures = figures_of(options.json)
    try:
        page = with_figures(options.page.read_text(), figures)
        # A new file takes the old one's place: nobody ever sees half a page.
        new = options.page.with_name(options.page.name + ".new")
        new.write_text(page)
        os.replace(new, options.page)
    except OSError as problem:
        raise Unusable(f"{options.page}: {problem.strerror}") from None
    except Unusable as problem:
        raise Unusable(f"{options.page}: {problem}") from None


if __name__ == "__main__":
    try:
        main()
    except Unusable as error:
        sys.exit(f"claims_page: {error}")
