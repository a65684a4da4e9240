"""Programs that copy a file to a name that does not exist yet."""

import sys

from measure import PeerFailed, run


class Copier:
    """A command that writes `{to}`, which is looked at and removed afterwards. It runs twice, and
    the second run counts: the host of a virtual machine takes back what has been free for a while,
    and who gets it next pays for that, each program for pages of the sizes that it asks for."""

    def __init__(self, name, command):
        self.name = name
        self.command = command

    def measure(self, work):
        to = work.folder / "copy"
        command = [word.format(file=work.file, to=to) for word in self.command]
        run(command)
        to.unlink()
        sample = run(command)
        size = to.stat().st_size
        to.unlink()
        if size != work.size:
            raise PeerFailed(f"{self.name} wrote {size} of {work.size} bytes")
        return sample


def dd(block, *flags):
    return ["dd", "if={file}", "of={to}", f"bs={block}", "status=none", *flags]


def best_dd_block(work):
    """The block with which dd is fastest here: the least of three runs of each."""
    def seconds(block):
        copier = Copier("dd", dd(block))
        return min(copier.measure(work).wall_s for _ in range(3))
    return min(("64K", "128K", "256K", "512K", "1M", "4M"), key=seconds)


def same_work(leat, work):
    block = best_dd_block(work)
    print(f"dd's best block size here: {block}", file=sys.stderr)
    return [
        Copier("leat copy", [leat, "copy", "--quiet", "{file}", "{to}"]),
        Copier("leat copy (2)", [leat, "copy", "--quiet", "{file}", "{to}"]),
        Copier("cp --reflink=auto", ["cp", "--reflink=auto", "{file}", "{to}"]),
        Copier("cp --reflink=never", ["cp", "--reflink=never", "{file}", "{to}"]),
        Copier(f"dd bs={block}", dd(block)),
    ]


def same_work_past_the_cache(leat):
    direct = [leat, "copy", "--quiet", "--mechanism", "direct_io", "{file}", "{to}"]
    return [
        Copier("leat direct_io", direct),
        Copier("leat direct_io (2)", direct),
        Copier("dd bs=1M direct", dd("1M", "iflag=direct", "oflag=direct")),
    ]
