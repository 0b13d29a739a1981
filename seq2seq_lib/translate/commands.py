"""The command line: train, evaluate, translate and shrink."""

import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from seq2seq_lib.attention import MECHANISMS
from seq2seq_lib.files import write_text
from seq2seq_lib.require import option, require
from seq2seq_lib.tasks import multi30k
from seq2seq_lib.translate import folder, scores
from seq2seq_lib.translate.architectures import ARCHITECTURES, looks
from seq2seq_lib.translate.asking import PICTURES, asked, draw, linked, may_write
from seq2seq_lib.translate.errors import GOES_ON, STOPPED, plainly
from seq2seq_lib.translate.lines import prepare, read_lines, read_pairs, typed_lines
from seq2seq_lib.translate.preparing import Files, Options
from seq2seq_lib.translate.processes import PRECISIONS, joined
from seq2seq_lib.translate.subwords import look_swapped
from seq2seq_lib.translate.training import train

DATA = ("multi30k",)
CHUNK = 256  # lines that are translated together
DEFAULTS = {field.name: field.default for field in fields(Options)}
PATH = click.Path(path_type=Path)
DEVICE = click.option(
    "--device", default="auto", help="cpu, cuda or another of PyTorch; auto takes a GPU."
)
BEAM = click.option(
    "--beam",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Width of the search; 1 is fastest.",
)


def _option(name: str, kind: Any = None, text: str = "") -> Callable[[Any], Any]:
    """An option of the command line for a field of ``Options``."""
    field = name.replace("-", "_")
    default = DEFAULTS[field]
    its = {a: each.defaults.get(field) for a, each in ARCHITECTURES.items()}
    own = {a: value for a, value in its.items() if value is not None}
    if own:  # a default for each architecture that has the option
        told = ", ".join(f"{a}: {value}" for a, value in own.items())
        text = f"{text}  [{told}]"
    return click.option(
        f"--{name}",
        default=default,
        type=kind or type(next(iter(own.values())) if own else default),
        is_flag=default is False,
        show_default=default is not None and default is not False,
        help=text,
    )


def _files(
    given: tuple[Path, Path] | None, data: str | None, languages: str, split: str
) -> Files | None:
    """The files of a command: named ones, or those of a known data set."""
    if given or not data:
        return Files(*given) if given else None
    option("data", data, DATA)
    sides = languages.split("-")
    require(
        len(sides) == 2 and sides[0] != sides[1] and {*sides} <= {*multi30k.LANGUAGES},
        f"--languages names two of {', '.join(multi30k.LANGUAGES)}, such as en-de; got "
        f"{languages}.",
    )
    name = multi30k.FILES[split]
    return Files(*(multi30k.fetch(f"{name}.{side}.gz") for side in sides))


@click.group()
def main() -> None:
    """Train a translator on two text files, measure it, and translate with it.

    The two files hold one sentence a line; line 7 of one is the translation of line 7 of
    the other. Begin with

    \b
    python -m seq2seq_lib.translate train --text a.en a.de --out my-translator

    and then

    \b
    echo "A man reads." | python -m seq2seq_lib.translate translate my-translator
    """


@main.command("train")
@click.option("--out", type=PATH, required=True, help="The translator's folder.")
@click.option("--text", type=(PATH, PATH), help="Source and target file, plain or gzip.")
@click.option(
    "--valid",
    type=(PATH, PATH),
    help="Pairs that the best weights are chosen by; otherwise some of the text are held "
    "out for it. Never the pairs that you will test on.",
)
@click.option("--data", help=f"A known data set in place of files: {', '.join(DATA)}.")
@click.option("--languages", default="en-de", show_default=True, help="Of --data.")
@_option(
    "architecture",
    click.Choice([*ARCHITECTURES]),
    "recurrent reads and writes word by word and looks back (Bahdanau et al. 2015); "
    "transformer has nothing but attention (Vaswani et al. 2017). Where an option has a "
    "default for one of them alone, the other does not have it.",
)
@_option("attention", click.Choice([*MECHANISMS]), "How it looks at the source.")
@_option("vocab-size", text="Pieces of words on each side.")
@_option("lowercase", text="Read and write lower-case letters only: easier, and less.")
@_option("emb-dim", text="Size of an embedding; in a transformer of every state as well.")
@_option(
    "hidden",
    text="Size of a state, of each direction of the encoder; in a transformer of the "
    "feed-forward networks' hidden layer.",
)
@_option("heads", text="How many look side by side in every layer; they divide --emb-dim.")
@_option("layers", text="Of the encoder, and of the decoder.")
@_option("dropout", text="Share of embeddings' numbers that are dropped while training.")
@_option("output-dropout", text="The same before the output layer.")
@_option("smoothing", text="Label smoothing: so much probability is wanted of all words.")
@_option("max-length", text="Longer pairs, in pieces, are left out.")
@_option("batch-tokens", text="Rows times the longest row of a batch.")
@_option("epochs", text="Passes over the corpus, but 2,000 updates at least.")
@_option("updates", int, "Number of updates, in place of --epochs.")
@_option("lr", text="Highest learning rate; it then falls to zero along a cosine.")
@_option("warmup", text="Updates over which it rises.")
@_option("evaluate-every", int, "Updates between two measurements; by default an epoch.")
@_option("patience", text="Stop after so many measurements that found nothing better.")
@_option("average", text="Try the mean of so many last weights in the end.")
@_option("seed", text="The same seed gives the same translator.")
@_option(
    "precision",
    click.Choice(PRECISIONS),
    "Of the forward pass; bfloat16 pays for larger models.",
)
@_option("skip-empty", text="Leave out pairs with an empty line.")
@_option("allow-equal", text="Most targets may repeat their source.")
@click.option(
    "--save-every",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Updates between two savings of the state.",
)
@DEVICE
def _train(
    out: Path,
    text: tuple[Path, Path] | None,
    valid: tuple[Path, Path] | None,
    data: str | None,
    languages: str,
    save_every: int,
    device: str,
    **chosen: Any,
) -> None:
    """Train a translator; the same command goes on where it was stopped.

    The defaults suit 10,000 to 100,000 pairs on a laptop. The folder remembers which
    architecture it holds, so evaluate and translate need not be told. Several processes
    train as one when torchrun starts them:

    \b
    torchrun --nproc-per-node 2 -m seq2seq_lib.translate train ...
    """
    with plainly(GOES_ON), joined(device) as processes:
        files = _files(text, data, languages, "train")
        require(files, "Name two files with --text, or a data set with --data.")
        assert files is not None
        held_out = _files(valid, None if text else data, languages, "valid")
        say = click.echo if processes.first else (lambda line: None)
        history = train(out, files, held_out, Options(**chosen), processes, say, save_every)
        if history.interrupted:
            say(f"Stopped after {history.updates:,} updates; the same command goes on.")
            sys.exit(STOPPED)
        say(f"Trained. Try it: python -m seq2seq_lib.translate translate {out}")


@main.command("evaluate")
@click.argument("translator", type=PATH)
@click.option("--text", type=(PATH, PATH), help="Source and reference file.")
@click.option("--data", help=f"The test set of: {', '.join(DATA)}.")
@click.option("--languages", default="en-de", show_default=True, help="Of --data.")
@click.option("--output", type=PATH, help="Write the translations to this file.")
@BEAM
@DEVICE
def _evaluate(
    translator: Path,
    text: tuple[Path, Path] | None,
    data: str | None,
    languages: str,
    output: Path | None,
    beam: int,
    device: str,
) -> None:
    """Translate a test set and compare with its references."""
    with plainly(), joined(device) as processes:
        may_write(output)
        files = _files(text, data, languages, "test")
        require(files, "Name two files with --text, or a data set with --data.")
        assert files is not None
        found = folder.load(translator, processes.device)
        pairs = list(read_pairs(*files))
        sources, references = zip(*pairs, strict=True)
        sides = (
            [prepare(t, found.lowercase) for t in side] for side in zip(*pairs, strict=True)
        )
        require(
            not look_swapped(found.src, found.tgt, *sides),
            "The files look as if source and target were exchanged for this translator.",
        )
        measured = scores.score(found, sources, references, beam)
        click.echo(f"BLEU   {measured['bleu']:.2f}   ({measured['signature']})")
        click.echo(f"chrF   {measured['chrf']:.2f}")
        click.echo(
            f"BLEU   {measured['bleu_of_words']:.2f}   of lower-cased words and marks, as "
            "tables of Multi30k have it"
        )
        if output:
            write_text(output, "\n".join(measured["answers"]) + "\n")


@main.command("translate")
@click.argument("translator", type=PATH)
@click.argument("text", type=PATH, required=False)
@click.option("--alignments", is_flag=True, help="Add, after a tab, source-target links.")
@click.option(
    "--heatmap",
    "drawing",
    type=PATH,
    help="Draw the weights of the first line into this file (png, svg or pdf).",
)
@BEAM
@DEVICE
def _translate(
    translator: Path,
    text: Path | None,
    alignments: bool,
    drawing: Path | None,
    beam: int,
    device: str,
) -> None:
    """Translate the lines of a file, or what is typed; an empty line stays empty.

    A link 3-5 says that piece 5 of the translation looked most at piece 3 of the source,
    both counted from 0. Weights of a transformer are the mean over the heads of its last
    layer, links as well as heatmap.
    """
    with plainly(), joined(device) as processes:
        may_write(drawing, PICTURES)
        found = folder.load(translator, processes.device)
        require(
            looks(found.model.config) or not (alignments or drawing),
            "This translator has a fixed context and looks nowhere, so there is nothing to "
            "align or to draw.",
        )
        lines = read_lines(text) if text else typed_lines(sys.stdin.buffer)
        first = None
        for said, how in asked(found, lines, CHUNK if text else 1, beam):
            click.echo(said + (f"\t{linked(how)}" if alignments else ""))
            first = first or how
        if drawing and first:
            draw(drawing, first)


@main.command("shrink")
@click.argument("translator", type=PATH)
@click.option("--out", type=PATH, required=True, help="The folder of the small one.")
def _shrink(translator: Path, out: Path) -> None:
    """Write a translator again in about a quarter of the bytes, to send or to publish.

    Each weight of a matrix becomes a whole number from -127 to 127 with one scale for its
    row. Evaluate both: that costs little, and says what was lost.
    """
    with plainly():
        folder.shrink(translator, out)
        before, after = (
            (each / folder.WEIGHTS).stat().st_size / 1e6 for each in (translator, out)
        )
        click.echo(f"{out}: {after:.1f} MB of weights, {before:.1f} MB before.")
