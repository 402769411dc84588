"""`kbvc models`: those that ship."""

import argparse
import dataclasses
import json
import textwrap

from kbvc_jax.zoo import Zoo, shipped


def register(commands) -> None:
    parser = commands.add_parser(
        "models",
        help="the models that ship: what each costs and reaches",
        description="What `kbvc encode --model NAME` chooses from. All are in one checkpoint, and "
        "share its I-frame codec: any of their files decodes without a word about the model.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON on stdout")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    zoo = shipped()
    print(json.dumps(dataclasses.asdict(zoo), indent=2) if arguments.json else text(zoo))


def text(zoo: Zoo) -> str:
    first, anchors = zoo.models[0], [*zoo.models[0].bd_rates]
    header = [
        "model",
        "decoder, parameters",
        "multiply-adds a pixel",
        *(f"BD-rate, {anchor}" for anchor in anchors),
        "encode, fps",
        "decode, fps",
    ]
    rows = [
        [
            model.name,
            f"{model.parameters:,}",
            f"{model.multiply_adds:,.0f}",
            *(f"{model.bd_rates[a]:+.1f} %" if a in model.bd_rates else "-" for a in anchors),
            f"{model.speed.encode:.1f}",
            f"{model.speed.decode:.1f}",
        ]
        for model in zoo.models
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])])
        for cells in [header, *rows]
    ]
    lines.append("")
    for model in zoo.models:
        paper = f"; small, after “{model.paper}”" if model.paper else ""
        lines += textwrap.wrap(f"{model.name}: {model.about}{paper}", 100, subsequent_indent="    ")
    lines += textwrap.wrap(
        f"{first.name} is what no name stands for. BD-rate by RGB PSNR on {first.set}; frames a "
        f"second at {first.speed.size} on two CPU cores; version {zoo.version}. Weights: "
        f"{zoo.licence}.",
        100,
    )
    return "\n".join(lines)
