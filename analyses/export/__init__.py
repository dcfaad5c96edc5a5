"""Runs in the formats of other tools: Inspect's log, Hugging Face datasets, Parquet and CSV.

`tidy_tables` types what a run left; `write_parquet`, `write_csv` and `write_datasets` write that,
`write_inspect` writes transcripts with what their variants did as one `.eval` log.
"""
