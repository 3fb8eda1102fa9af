"""Which environment variables, headers and parameters are told by their names to hold a secret.

A name that is taken for a secret though it is none costs somebody a renaming; one that is not
costs a key. So the words are many, and those that make them harmless are few.
"""

from __future__ import annotations

import re

_WORD_ENDS = r"(?=_|[0-9]|$)"
_LAST_WORDS = (
    "KEYS? TOKENS? SECRETS? PASSWORDS? PASSWDS? PASS PWDS? PASSPHRASES? PASSCODES? CREDENTIALS? "
    "CREDS? DSNS? WEBHOOKS? PEM CONN(ECTION)?_?STR(ING)?S?"
)
"""Also at the end of a longer word: DBPASS, APIKEY."""
_WHOLE_WORDS = "PATS? AUTH AUTHORIZATION PW JWTS? BEARER COOKIES? SIGNATURES? SIG"
_DATABASES = (
    "DATABASE DB POSTGRES(QL)? PG MYSQL MARIADB MSSQL MONGO(DB)? REDIS AMQP RABBITMQ BROKER "
    "CLICKHOUSE ELASTIC(SEARCH)? SQLALCHEMY SMTP LDAP"
)


def _one_of(words: str) -> str:
    return f"({'|'.join(words.split())})"


# Left as texts, which `re` compiles when the first name is asked for.
_SECRET = (
    rf"{_one_of(_LAST_WORDS)}{_WORD_ENDS}"
    rf"|(^|_){_one_of(_WHOLE_WORDS)}{_WORD_ENDS}"
    rf"|(^|_){_one_of(_DATABASES)}_?UR[IL]S?{_WORD_ENDS}"
    r"|(API|PRIVATE|SECRET|ACCESS|AUTH|SIGNING|ENCRYPTION|MASTER)_?KEY"
)
_HARMLESS = (
    r"^(OLD)?PWD$"  # the shell's directories
    r"|(^|_)(MAX|MIN|NUM)_([A-Z]+_)*TOKENS?(?=_|$)"
    r"|(^|_)TOKENS?_(PER|LIMIT|COUNT|BUDGET)(?=_|$)"
    r"|(^|_)AUTH_(UR[IL]|HOST|DOMAIN|ENDPOINT|SERVER|PROVIDER|ISSUER|REALM|TYPE|METHOD|MODE|USER)$"
    r"|MONKEYS?|DONKEYS?|TURKEYS?|HOCKEY|JOCKEYS?|WHISKEYS?|COMPASS|BYPASS|TRESPASS|SURPASS"
)


def names_secret(name: str) -> bool:
    """Whether what bears this name is for something that nobody else shall see."""
    words = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").upper()
    return re.search(_SECRET, re.sub(_HARMLESS, "", words)) is not None
