"""The command that makes the pocket edition: the lab as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from ae_core.checkpoints.files import save_whole
from ae_core.errors import CheckpointError, PocketError
from ae_core.pocket.models import open_ladders, open_models
from ae_core.pocket.page import HANDY_BYTES, to_page


def _web_address(_context: click.Context, _parameter: click.Parameter, url: str | None) -> str | None:
    if url is not None and not url.startswith(("https://", "http://")):
        raise click.BadParameter("an address of the web starts with https:// or http://.")
    return url


def _html_file(_context: click.Context, _parameter: click.Parameter, path: Path) -> Path:
    # A checkpoint named here by mistake would be replaced.
    if path.suffix.lower() not in (".html", ".htm"):
        raise click.BadParameter(f"{path.name} does not end in .html: browsers know the file by that.")
    return path


@click.command("pocket")
@click.argument("files", nargs=-1, metavar="[FILES]...", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--out",
    required=True,
    callback=_html_file,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The HTML file to write.",
)
@click.option("--lab-url", callback=_web_address, help="Where the full lab is, for a link to it.")
def pocket_command(files: tuple[Path, ...], out: Path, lab_url: str | None) -> None:
    """Write the lab as one HTML file, which needs no server and no network.

    It holds the models of FILES, by default those of both shipped ladders; a probe beside a file reads the
    digits off its code.
    """
    if files:
        try:
            page = to_page(open_models(files), lab_url)
        except (CheckpointError, PocketError) as error:
            raise click.UsageError(str(error)) from error
    else:
        page = to_page(open_ladders(), lab_url)
    content = page.encode()
    save_whole(out, content)
    click.echo(f"{out}: {len(content) / 1e6:.1f} MB.", err=True)
    if len(content) > HANDY_BYTES:
        click.echo(
            f"That is more than {HANDY_BYTES / 1e6:.0f} MB, which phones and mail may refuse: "
            "name fewer models.",
            err=True,
        )
