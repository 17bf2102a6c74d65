import pytest

from rayal.credentials import names_credentials, without_credentials

SECRET = "s3cret"
WITH = [
    "https://me:s3cret@host/path", "https://s3cret@host", "HTTPS://me:s3cret@HOST:5000",
    "s3://KEY:s3cret@bucket/prefix", "s3:/KEY:s3cret@bucket", "https:\\\\me:s3cret@host",
    "ray://me:s3cret@head:10001", "postgresql://me:s3c@ret:s3cret@host/db",
    "https://me%3As3cret%40host/", "https://host/?token=s3cret", "https://host/a?x=1&password=s3cret",
    "https://host/;access_token=s3cret", "https://host/#api_key=s3cret&x=1",
    "https://host/%3Ftoken%3Ds3cret", "https://host/token=s3cret/x",
    "https://b.blob.core.windows.net/c?sv=1&sig=s3cret", "s3://b/x?X-Amz-Signature=s3cret",
    "file:///srv/x?password=s3cret", "https://host/?pass=s3cret", "https://host/?private_key=s3cret",
    "https://host/?AccountKey=s3cret", "https://me:s3cret?x@host", "https://me:s3cret#x@host/path",
]  # fmt: skip
WITHOUT = [
    "https://host:5000/path@2", "sqlite:////srv/me@lab/runs.db", "file:///srv/me@lab", "file:/me@x",
    "s3://bucket/prefix", "./runs@home", "me@lab.org", "see https://arxiv.org/abs/1?x=2#sec",
    "10.1109/TMI:2020 a@b", "https://host/tokens/x", "ratio 1:/2", "https://host/?bypass=1",
    "https://host/?mail=a@b", "https://host:80/?mail=a:b@c", "https://host/#me@lab",
]  # fmt: skip


@pytest.mark.parametrize("address", WITH)
@pytest.mark.parametrize("text", ["{}", "cannot reach {} now", "'{}' (x@y)"])
def test_users_passwords_and_tokens_of_addresses_are_left_out(address: str, text: str) -> None:
    shown = without_credentials(text.format(address))
    assert SECRET not in shown
    assert "***" in shown
    assert names_credentials(text.format(address))
    assert without_credentials(shown) == shown
    assert text.partition("{}")[0] in shown
    assert text.partition("{}")[2] in shown


@pytest.mark.parametrize("text", WITHOUT)
def test_what_names_none_stays_as_it_is(text: str) -> None:
    assert without_credentials(text) == text
    assert not names_credentials(text)


def test_the_host_and_the_rest_of_an_address_stay() -> None:
    shown = without_credentials("https://me:s3cret@host:5000/a?token=s3cret&page=2#x")
    assert shown == "https://***@host:5000/a?token=***&page=2#x"
