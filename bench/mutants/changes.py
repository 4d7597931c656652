"""What goes wrong with files on their way: each change draws its place by the draft's dice. More
likely ones stand here twice.
"""

from bench.mutants import changes_of_columns as columns
from bench.mutants import changes_of_files as files
from bench.mutants import changes_of_lines as lines
from bench.mutants.draft import Change

CHANGES: tuple[Change, ...] = (
    lines.odd_bytes_in,
    lines.odd_bytes_in,
    lines.bytes_flipped,
    lines.bytes_flipped,
    lines.cut_short,
    lines.piece_lost,
    lines.block_of_zeros,
    lines.lines_swapped,
    lines.lines_shuffled,
    lines.lines_repeated,
    lines.lines_repeated,
    lines.broken_copies_before,
    lines.lines_lost,
    lines.blank_lines,
    lines.line_ends,
    lines.no_last_line_end,
    lines.many_broken_rows,
    columns.values_replaced,
    columns.values_replaced,
    columns.values_replaced,
    columns.values_extended,
    columns.values_extended,
    columns.whole_column_extended,
    columns.all_quoted,
    columns.huge_value,
    columns.columns_of_some_rows,
    columns.columns_of_some_rows,
    columns.columns_of_all_rows,
    columns.other_delimiter,
    columns.header_changed,
    columns.open_quote,
    columns.line_break_in_quotes,
    files.emptied,
    files.twice_the_file,
    files.other_encoding,
    files.file_lost,
    files.file_renamed,
    files.files_exchanged,
    files.stranger_beside,
    files.first_lines_of_another,
)
