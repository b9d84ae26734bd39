"""`tasador predict`: predicts the rows of a file without a stream."""

from __future__ import annotations

from itertools import islice, repeat
from pathlib import Path
from typing import Annotated

import typer

from registry.stages import CHAMPION
from schemas.errors import ModelRejectedError
from tasador.cli.completions import complete_version
from tasador.cli.options import DomainOption, JsonOption
from tasador.cli.reading import DecimalOption, RenameOption, SkipOption, table_options
from tasador.cli.terminal import print_line, print_note, stdout
from tasador.machine.running_system import load_registry_settings

EXAMPLE = "tasador predict homes.csv --out predictions.csv"
SHOWN_ROWS = 20


def predict(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Table or JSON lines, as for `tasador publish`.")],
    version: Annotated[
        str | None, typer.Option(help="A version's number.", autocompletion=complete_version, show_default="the alias")
    ] = None,
    alias: Annotated[str, typer.Option(help="The alias of a version.")] = CHAMPION,
    out: Annotated[Path | None, typer.Option(help="Write all predictions to this file: .csv or .parquet.")] = None,
    is_explained: Annotated[bool, typer.Option("--explain", help="Add what each feature contributes.")] = False,
    has_ranges: Annotated[
        bool, typer.Option("--interval", help="Add intervals, or the classes that are candidates.")
    ] = False,
    id_column: Annotated[str | None, typer.Option(help="Column of ids.", show_default="the domain's")] = None,
    decimal: DecimalOption = None,
    rename: RenameOption = None,
    skip: SkipOption = None,
    domain: DomainOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict the rows of a file with a registered version. No Redis is needed.

    Rows are read, checked and scored as if they were published: a row that the stream would refuse has a reason in
    place of a prediction.
    """
    from producer.answer_files import check_answer_path, write_answers
    from tasador.cli.views.predictions import documents, predictions_table
    from tasador.prediction.loading import load_local_model
    from tasador.prediction.rows import payloads_of

    if out is not None:
        check_answer_path(out)
    settings = load_registry_settings(domain)
    options = table_options(settings, decimal, rename, skip)
    payloads = list(payloads_of(file, settings.load_domain(), id_column, options))
    model = load_local_model(settings, version, alias)
    if has_ranges and model.scorer.calibration is None:
        raise ModelRejectedError(
            "calibration",
            f"version {model.version} has no calibration for intervals: train it again with `interval.coverage` set",
        )
    if out is not None and is_explained:
        from tasador.prediction.explained_file import write_explained

        predicted, refused = write_explained(out, model, payloads, with_ranges=has_ranges)
        print_note(f"{predicted:,} rows predicted and explained, {refused:,} refused, in {out}")
        return
    answers = list(model.answers(payloads))
    refused = sum(answer.kind == "refused" for answer in answers)
    if out is not None:
        write_answers(out, model.domain, answers, with_ranges=has_ranges)
    else:
        explanations = model.explanations(payloads) if is_explained else repeat(None)
        rows = documents(model.version, answers, explanations, with_ranges=has_ranges)
        if as_json:
            for row in rows:
                print_line(row.model_dump_json(exclude_none=True))
        else:
            shown = list(islice(rows, SHOWN_ROWS))
            stdout.print(predictions_table(shown, model.domain.target.unit, len(payloads)))
    print_note(f"{len(answers) - refused:,} rows predicted by version {model.version}, {refused:,} refused")
