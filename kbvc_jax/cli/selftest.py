"""`kbvc selftest`: whether this machine decodes as the one where the weights were made."""

import argparse

from kbvc_jax.runtime.errors import InputError

FAILED = 1


def register(commands) -> None:
    parser = commands.add_parser(
        "selftest",
        help="whether this machine decodes as it should",
        usage="kbvc selftest",
        description="Decode a small stream that ships with the weights and compare it with how it "
        "was decoded where it was made. Symbols must be the same, samples within 1 and at most "
        "0.1 %% of them different. Exit status 0 if so, else 1.",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    import kbvc_jax
    from kbvc_jax import selftest
    from kbvc_jax.runtime.backend import start_backend

    print(f"decoding a clip of I- and B-frames on {start_backend()}")
    codec, stream, expected = kbvc_jax.load(), selftest.stream(), selftest.expected()
    codec.check_model(stream.header)
    try:
        found = selftest.decode(codec.inference, stream)
    except InputError as error:  # the stream is whole: wrong symbols have led there
        print(f"symbols: wrong, {error}\nFAIL")
        return FAILED
    verdict = selftest.compare(found, expected)
    print(f"symbols: {'the same' if verdict.same_symbols else 'wrong'}")
    print(f"samples: {verdict.share:.3%} differ, by {verdict.apart} at most")
    print("pass" if verdict.passed else "FAIL")
    return 0 if verdict.passed else FAILED
