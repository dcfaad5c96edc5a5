"""Tables of words in the two languages that papers and pages are written in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pandas import DataFrame

_LATEX: Final = {
    "\\": r"\textbackslash{}",
    **{mark: rf"\{mark}" for mark in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\N{MINUS SIGN}": "$-$",
}


def latex(text: str) -> str:
    r"""Escape what LaTeX would read as a command.

    >>> latex("50 % of f_11"), latex("\N{MINUS SIGN}.05")
    ('50 \\% of f\\_11', '$-$.05')
    """
    return re.sub(r"[\\&%$#_{}~^\u2212]", lambda found: _LATEX[found.group()], text)


def piped_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    return [_piped(header), "|---" * len(header) + "|", *map(_piped, rows)]


def markdown_table(blocks: Mapping[str, DataFrame], caption: str) -> str:
    r"""Write a caption and one Markdown table per block, each under its heading.

    Parameters
    ----------
    blocks : mapping of str to DataFrame
        Cells of text by heading, all with the same columns.
    caption : str

    >>> rows = DataFrame({"metric": ["emptied"], "error": [".32 [.25, .41] (8)"]})
    >>> print(markdown_table({"all": rows}, "Errors."))
    Errors.
    <BLANKLINE>
    **all**
    <BLANKLINE>
    | metric | error |
    |---|---|
    | emptied | .32 [.25, .41] (8) |
    <BLANKLINE>
    """
    lines = [caption, ""]
    for heading, rows in blocks.items():
        lines += [f"**{heading}**", "", *piped_lines(list(rows.columns), rows.to_numpy().tolist())]
        lines += [""]
    return "\n".join(lines)


def latex_table(blocks: Mapping[str, DataFrame], caption: str) -> str:
    r"""Write one LaTeX table over both columns of a page, its blocks apart by rules (booktabs).

    Parameters
    ----------
    blocks : mapping of str to DataFrame
        Cells of text by heading, all with the same columns.
    caption : str

    >>> rows = DataFrame({"metric": ["emptied"], "error": [".32 [.25, .41] (8)"]})
    >>> print(latex_table({"all": rows}, "Errors."))  # needs \usepackage{booktabs}
    \begin{table*}
    \centering\footnotesize\setlength{\tabcolsep}{4pt}
    \caption{Errors.}
    \begin{tabular}{@{}lr@{}}
    \toprule
    metric & error \\
    \midrule
    \multicolumn{2}{@{}l}{\emph{all}} \\
    emptied & .32 [.25, .41] (8) \\
    \bottomrule
    \end{tabular}
    \end{table*}
    <BLANKLINE>
    """
    columns = list(next(iter(blocks.values())).columns)
    lines = [
        r"\begin{table*}",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{latex(caption)}}}",
        rf"\begin{{tabular}}{{@{{}}l{'r' * (len(columns) - 1)}@{{}}}}",
        r"\toprule",
        _row(columns),
    ]
    for heading, rows in blocks.items():
        spanned = rf"\multicolumn{{{len(columns)}}}{{@{{}}l}}{{\emph{{{latex(heading)}}}}} \\"
        lines += [r"\midrule", spanned, *map(_row, rows.to_numpy().tolist())]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table*}", ""]
    return "\n".join(lines)


def _piped(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _row(cells: list[str]) -> str:
    return " & ".join(map(latex, cells)) + r" \\"
