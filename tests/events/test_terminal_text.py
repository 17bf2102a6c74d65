import pytest

from rayal.events.terminal_text import terminal_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "plain \N{GREEK SMALL LETTER TAU}=0.05\n\tnext",
            "plain \N{GREEK SMALL LETTER TAU}=0.05\n\tnext",
        ),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\rb\x9b", r"a\rb\x9b"),
        ("\u202eturned\u2069", r"\u202eturned\u2069"),
        ("line\u2028line", r"line\u2028line"),
        ("caf\udce9", r"caf\udce9"),
    ],
)
def test_what_steers_a_terminal_is_shown_and_the_rest_stays(text: str, shown: str) -> None:
    assert terminal_text(text) == shown
    assert terminal_text(text).encode()


def test_passwords_of_addresses_are_not_shown() -> None:
    assert terminal_text("no s3://K:hush@b/x") == "no s3://***@b/x"
