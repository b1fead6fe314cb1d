"""The code cells of a chapter's notebook: examples, pictures and exercises."""

import ast
from decimal import Decimal
from doctest import DocTestParser
from textwrap import indent

from exercises import VERDICTS, WORDS
from nbformat.v4 import new_code_cell, new_output

FOLDED = {"jupyter": {"source_hidden": True}}


# Examples ---------------------------------------------------------------------------


def cells_of_examples(text):
    """Yield cells, each of which ends with an example that shows something."""
    source = ""
    for example in DocTestParser().get_examples(text):
        if example.exc_msg and source:
            yield new_code_cell(source.rstrip())
            source = ""
        source += example.source
        if example.want:
            yield cell_that_shows(source.rstrip(), example)
            source = ""
        elif source.splitlines()[-1].startswith(" "):
            source += "\n"  # after a block of code
    if source:
        yield new_code_cell(source.rstrip())


def cell_that_shows(source, example):
    """Return a cell with what an example shows on the page."""
    if example.exc_msg is None:
        return new_code_cell(source, outputs=[new_output("stream", text=example.want)])
    name, _, message = example.exc_msg.strip().partition(": ")
    traceback = example.want.splitlines()
    error = new_output("error", ename=name, evalue=message, traceback=traceback)
    return new_code_cell(
        source, outputs=[error], metadata={"tags": ["raises-exception"]}
    )


# Pictures ---------------------------------------------------------------------------


def cell_of_style(parameters):
    """Return a cell that has pictures drawn as on the page, but on white."""
    style = "".join(
        f"    {name!r}: {value!r},\n"
        for name, value in parameters.items()
        if not name.startswith("svg.") and not name.endswith("facecolor")
    )
    return new_code_cell(
        f"import matplotlib.pyplot as plt\n\nplt.rcParams.update({{\n{style}}})",
        metadata=FOLDED,
    )


def cell_of_picture(path, function=None):
    """Return a cell that draws a picture, as a script or a function in it does.

    The script becomes a function, which leaves the chapter's variables alone.
    """
    script = path.read_text(encoding="utf-8").strip()
    name = f"draw_{path.stem}"
    if function:
        script = f"{needed_for(function, script)}\n\n\n{function}()"
        name += f"_{function.removeprefix('draw_')}"
    return new_code_cell(
        f"def {name}():\n{indent(script, '    ')}\n\n\n{name}()", metadata=FOLDED
    )


def needed_for(function, script):
    """Return a script without what only other functions than this one need."""
    statements = ast.parse(script).body
    names, n_names = {function}, 0
    while len(names) > n_names:
        n_names = len(names)
        needed = [
            statement
            for statement in statements
            if names & given_by(statement) or not given_by(statement)
        ]
        names = names.union(*map(read_by, needed))
    lines = script.splitlines()
    # Comments and empty lines belong to what comes after them.
    starts = [0, *(statement.end_lineno for statement in statements)]
    return "\n".join(
        line
        for start, statement in zip(starts, statements, strict=False)
        if statement in needed
        for line in lines[start : statement.end_lineno]
    )


def given_by(statement):
    """Return the names that a statement of a script gives a value."""
    match statement:
        case ast.FunctionDef(name=name):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {alias.asname or alias.name for alias in names}
    return names_in(statement, ast.Store)


def read_by(statement):
    """Return the names that a statement of a script reads."""
    return names_in(statement, ast.Load)


def names_in(statement, context):
    """Return the names in a statement, where they are stored or loaded."""
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }


# Exercises --------------------------------------------------------------------------


def cell_of_exercise(exercise, choices):
    """Return a cell that has a place for an answer and says whether it is right."""
    if choices:
        (right,) = (choice["number"] for choice in choices if choice["right"])
        condition = f"answer == {right}"
    else:
        answer, high = Decimal(exercise["answer"]), Decimal(exercise["high"])
        # What was computed may differ in its last bit.
        tolerance = max(high - answer, Decimal("1e-9"))
        condition = f"abs(answer - {answer}) <= {tolerance:g}"
    label = WORDS[exercise["language"]]["label"]
    verdicts = VERDICTS[exercise["language"]]
    return new_code_cell(
        f"answer = None  # {label}\n"
        "if answer is not None:\n"
        f'    print("{verdicts["right"]}" if {condition} else "{verdicts["wrong"]}")'
    )
