"""Rate and distortion of real files: this codec beside anchors.

    python eval.py                                          the bundled clip
    python eval.py --config=configs/uvg.py --config.data=/data/uvg
    python eval.py --compare results/a/results.json results/b/results.json

Any field of kbvc_jax.evaluation.config.EvaluationConfig can be set with --config.KEY=VALUE. A run
writes results.json, rd.png and report.html; an interrupted one continues where it was.
"""

import argparse
import sys
from pathlib import Path

from kbvc_jax.runtime.errors import InputError
from kbvc_jax.runtime.exit import end
from kbvc_jax.runtime.heap import keep_freed_memory


def parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="eval.py [--config FILE [--config.KEY=VALUE ...]] [options]",
    )
    parser.add_argument("--config", default="configs/sample.py", help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="folder (default: results/NAME-OF-CONFIG)")
    parser.add_argument(
        "--checkpoints",
        nargs="+",
        metavar="[NAME=]FOLDER[,FOLDER...]",
        help="of a run, a curve each; with commas models of one lambda each, which are one curve; "
        "of --paper table2, one (default: the weights that ship)",
    )
    parser.add_argument(
        "--models",
        metavar="NAME[,NAME...]",
        help="of those that ship, a curve each (kbvc models; default: the first)",
    )
    parser.add_argument("--shard", metavar="I/N", help="the I-th of N parts of the sequences")
    parser.add_argument("-q", "--quiet", action="store_true")
    read = parser.add_argument_group("stored results instead of a run")
    kinds = read.add_mutually_exclusive_group()
    kinds.add_argument("--merge", nargs="+", metavar="JSON", help="the shards of one run")
    kinds.add_argument("--compare", nargs=2, metavar="JSON", help="BD-rate of the second file")
    kinds.add_argument(
        "--paper",
        nargs="+",
        metavar=("TABLE", "JSON"),
        help="a table of the paper beside ours: table1 JSON, table2, table3, table4, "
        "no-interpolation JSON JSON, kernel51 JSON JSON",
    )
    kinds.add_argument(
        "--write-docs", nargs="+", metavar="JSON", help="write docs/results.md and docs/results/"
    )
    read.add_argument("--anchor", metavar="NAME", help="BD-rates are against it (default: x265)")
    read.add_argument("--metric", default="psnr", help="of BD-rates (default: %(default)s)")
    read.add_argument("--unlike", action="store_true", help="compare under unlike conditions too")
    flags, overrides = parser.parse_known_args(argv)
    stored = flags.merge or flags.compare or flags.write_docs
    if flags.checkpoints and (stored or (flags.paper and flags.paper[0] != "table2")):
        raise InputError("--checkpoints: only a run or --paper table2 takes them")
    if flags.models and (stored or flags.paper):
        raise InputError("--models: only a run takes them")
    if overrides and (stored or flags.paper):
        raise InputError(f"{overrides[0]}: only a run takes a config")
    return flags, overrides


def main(argv: list[str]) -> int:
    flags, overrides = parse(argv)
    from kbvc_jax.evaluation import commands

    if flags.compare:
        print(commands.compare(flags.compare, flags.anchor, flags.metric, flags.unlike))
        return 0
    if flags.paper:
        print(commands.paper(*flags.paper, checkpoint=(flags.checkpoints or [None])[0]))
        return 0
    if flags.write_docs:
        print(commands.docs(flags.write_docs))
        return 0
    out = flags.out or Path("results") / Path(flags.config).stem
    if flags.merge:
        results = commands.merge_shards(flags.merge, out)
    else:
        config = [f"--config={flags.config}", *overrides]
        results = commands.measure(
            config, out, flags.shard, flags.quiet, flags.checkpoints, flags.models
        )
    print(commands.conclude(results, out, flags.anchor, flags.metric))
    return 1 if results.failures else 0


if __name__ == "__main__":
    keep_freed_memory()
    end(lambda: main(sys.argv[1:]), "eval.py")
