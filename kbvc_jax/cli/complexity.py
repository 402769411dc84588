"""`kbvc complexity`: modules, parameters and multiply-adds of a configuration and its decoder."""

import argparse
import json
from typing import Any


def register(commands) -> None:
    parser = commands.add_parser(
        "complexity",
        help="modules, parameters, multiply-adds a pixel",
        usage="kbvc complexity [--config FILE [--config.model.KEY=VALUE ...]] [--json]",
        description="Print the network of a training config (default: the paper's) by module, then "
        "what a B-frame takes to decode and to encode by the codec that it is made for.",
    )
    parser.add_argument("--config", metavar="FILE", help="as configs/paper.py")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run, takes_overrides=True)


def run(arguments: argparse.Namespace) -> None:
    from kbvc_jax.models.complexity import coding, complexity

    config = _model_config(arguments)
    rows = [*complexity(config), *coding(config)]
    table = [
        {
            "module": row.module,
            "parameters": row.parameters,
            "multiply_adds_per_pixel": row.macs_per_pixel,
        }
        for row in rows
    ]
    print(json.dumps(table, indent=2) if arguments.json else _text(table))


def _model_config(arguments: argparse.Namespace):
    from kbvc_jax.models.config import ModelConfig

    if not (arguments.config or arguments.overrides):
        return ModelConfig()
    from kbvc_jax.training.recipe import parse_training

    return parse_training(arguments.overrides, arguments.config).model


def _text(table: list[dict[str, Any]]) -> str:
    width = max(len(row["module"]) for row in table)
    lines = [f"{'module':{width}}  {'parameters':>12}  {'multiply-adds/pixel':>19}"]
    for row in table:
        macs = row["multiply_adds_per_pixel"]
        lines.append(f"{row['module']:{width}}  {row['parameters']:>12,}  {macs:>19,.0f}")
    return "\n".join(lines)
