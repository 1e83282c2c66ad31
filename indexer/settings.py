"""Every setting, in one class: read from `PAPERPATH_…` in the environment, then from `.env`, else the default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from indexer.errors import BadSetting

_PREFIX = "PAPERPATH_"
PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_LIST = "data/reading-list.md"  # what a first reindex without a LIST reads


class Settings(BaseSettings):
    """What can be set. Each field's description is README's line on it."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    library: Path = Field(Path("data/library"), description="the library's folder")
    digests: Path = Field(PROJECT / "data" / "digests", description="where the digests lie")
    model: str = Field("", description="embedding model: a folder, a hub name, `toy`, or empty for the packaged one")
    query_prompt: str | None = Field(None, description="text put before a query, for a model that wants one")
    document_prompt: str | None = Field(None, description="text put before a passage, for a model that wants one")
    encoder: Literal["auto", "torch", "openvino"] = Field(
        "auto", description="what runs the model: `torch`, `openvino`, or `auto`: what was measured as the fastest here"
    )
    encoder_cache: Path | None = Field(
        None, description="where exported models are kept; empty: beside the model, else in your cache folder"
    )
    encoder_threads: int = Field(0, ge=0, description="threads that embed; 0: one for each core")
    search_processes: int | None = Field(
        None, ge=0, description="processes that may answer searches while many ask; empty: one for each core but one"
    )

    reranker: str = Field(
        "", description="cross-encoder that puts the best 50 in order: a folder or a hub name; empty: none"
    )

    arxiv_url: HttpUrl = Field(HttpUrl("https://arxiv.org"), description="where papers are fetched")
    arxiv_api_url: HttpUrl = Field(
        HttpUrl("https://export.arxiv.org/api/query"), description="where metadata is asked for"
    )
    arxiv_seconds: float = Field(3.0, ge=0, description="seconds between two requests to arXiv (its rule: 3)")
    host_seconds: float = Field(1.0, ge=0, description="seconds between two requests to any other host")
    metadata_hours: float = Field(24.0, ge=0, description="how long an answer of arXiv's API is good")
    contact: str = Field("", description="your e-mail or page, told to servers in the User-Agent")
    connect_seconds: float = Field(10.0, gt=0, description="time-out for a connection")
    read_seconds: float = Field(30.0, gt=0, description="time-out for the next bytes of an answer")
    retries: int = Field(4, ge=0, le=10, description="tries after the first, on 429, 503 and broken connections")
    retry_cap_seconds: float = Field(120.0, ge=0, description="longest wait between two tries, Retry-After included")
    max_megabytes: float = Field(100.0, gt=0, description="largest body that is taken")
    allow_private: bool = Field(False, description="fetch from private and loopback addresses too")

    workers: int = Field(0, ge=0, description="extraction processes; 0: one for each core")
    extract_seconds: float = Field(120.0, gt=0, description="time limit for one document's extraction")
    extract_megabytes: int = Field(1024, ge=256, description="memory limit for one document's extraction")

    engine: Literal["auto", "pdfium", "pypdf"] = Field(
        "auto", description="what reads PDFs: `pdfium`, `pypdf`, or `auto`: PDFium, and pypdf where that fails"
    )
    ocr: bool = Field(False, description="read scanned pages with Tesseract, which has to be installed")

    keep_generations: int = Field(3, ge=2, description="how many generations are kept")
    token: SecretStr | None = Field(None, description="allows changes over HTTP to who sends it, and reading")
    token_file: Path | None = Field(
        None, description="a file that holds the token; not looked at where `PAPERPATH_TOKEN` is set"
    )
    read_token: SecretStr | None = Field(
        None, description="allows reading alone; where it is set, reading asks for a token on this machine too"
    )
    read_token_file: Path | None = Field(
        None, description="a file that holds the token for reading; not looked at where `PAPERPATH_READ_TOKEN` is set"
    )
    anyone_may_read: bool = Field(False, description="read without a token from anywhere, as `--anyone-may-read`")
    hosts: str = Field("", description="names this server goes by besides loopback ones: `papers.lab.example, lab`")
    origins: str = Field(
        "", description="other servers whose pages may ask (CORS): `https://notes.example`; empty: none"
    )
    proxies: str = Field(
        "",
        description="addresses or networks of proxies whose `X-Forwarded-For` and `-Proto` are believed; empty: none",
    )
    rate: float = Field(20.0, ge=0, description="requests a second from one address, other than this machine; 0: any")
    burst: int = Field(100, ge=1, description="requests at once from one address before `rate` counts")
    connections: int = Field(1000, ge=1, description="connections in all")
    connections_each: int = Field(
        100, ge=1, description="connections from one address, other than this machine and proxies"
    )
    arrive_seconds: float = Field(
        20.0,
        gt=0,
        description="time for a request's head to arrive, and for its body, which has a second more for each 32 KB",
    )
    request_seconds: float = Field(60.0, gt=0, description="time limit for one answer")
    drain_seconds: float = Field(
        0.0,
        ge=0,
        description="after SIGTERM, how long requests are still taken while `/readyz` says no: for a proxy to see it",
    )
    log: Literal["auto", "text", "json"] = Field(
        "auto", description="the server's log: `text`, `json`, or `auto`: text on a terminal, else JSON"
    )
    log_questions: bool = Field(False, description="log what was asked too, which is private")


_ASIDE = {"DEBUG"}  # what is asked of the environment elsewhere


def unknown() -> dict[str, str]:
    """What is set, in the environment or in `.env`, and is no setting: {name: the setting that it looks like, or ""}."""
    import difflib

    known = sorted(name.upper() for name in Settings.model_fields)
    given = (EnvSettingsSource(Settings).env_vars, DotEnvSettingsSource(Settings).env_vars)
    names = sorted({name.upper().removeprefix(_PREFIX) for source in given for name in source
                    if name.upper().startswith(_PREFIX)} - {*known, *_ASIDE})  # fmt: skip
    like = {name: difflib.get_close_matches(name, known, 1, 0.8) for name in names}
    return {_PREFIX + name: _PREFIX + found[0] if found else "" for name, found in like.items()}


def load(**given: Annotated[Any, "values that win over the environment; None is as not given"]) -> Settings:
    """The settings in force.

    Raises `BadSetting` naming the variable and what is wrong with its value.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except UnicodeDecodeError:
        raise BadSetting("The file .env here is not UTF-8 text.", cure="Save it as UTF-8.") from None
    except ValidationError as error:
        first = error.errors()[0]
        name = "PAPERPATH_" + str(first["loc"][0]).upper()
        raise BadSetting(
            f"{name} can't be used: {first['msg']} (it is {first['input']!r}).",
            cure="README's table of settings says what each takes.",
        ) from None
