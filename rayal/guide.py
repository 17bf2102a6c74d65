"""`python -m rayal.guide`, the same as `rayal strategies`."""

from rayal.cli.strategies import markdown

if __name__ == "__main__":
    print(markdown(), end="")
