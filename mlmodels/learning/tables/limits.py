"""What a table may hold at most. The documents and the tests read the same numbers."""

COLUMNS_MAX = 1_000
ROWS_MAX = 100_000_000
HEADER_CHARACTERS_MAX = 200
CELL_CHARACTERS_MAX = 131_072  # what the csv module itself stops at
NUMBER_MAX = 1e30  # of either sign; beyond it float32 (trees) and squares (scaling, errors) overflow
CLASSES_MAX = 100  # different labels that a classification may have

# A few words among numbers or dates are read as blanks, in a column of at least so many cells.
BLANK_WORDS_SHARE_MAX = 0.01
BLANK_WORDS_CELLS_MIN = 100

# What is kept while a file is inspected and in the profile that is stored with it.
FIRST_ROWS = 20
SHOWN_CHARACTERS_MAX = 100
TOP_VALUES = 10
HISTOGRAM_BINS = 20
DISTINCT_COUNTED_MAX = 10_000  # per column; all columns together keep no more than the next number
DISTINCT_KEPT_MAX = 100_000
KEPT_CHARACTERS_MAX = 8_000_000
SAMPLED_VALUES_MAX = 100_000  # per column, for quantiles and histogram
SAMPLED_VALUES_KEPT_MAX = 2_000_000
