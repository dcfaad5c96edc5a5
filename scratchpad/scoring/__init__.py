"""Scoring: what the model does after a variant, by likelihood and by judged samples.

`outcomes` turns variants into tidy rows; `continuation` first lets the model write the rest of
those left open. Likelihoods run each shared token once (`likelihood`, over `prefix_tree`,
`tree_rows`, `shared`, `masks`) or, on models that cannot be read so, in batches (`padded`).
`variant_texts` keeps what was read.
`sampling` reads each prefix once (`decoding`). Edits of the reader have rows of their own:
`reader_rows` (knock-outs, crossed prompts), `patching`, `unlearning`; `option_rows` asks with the
options reordered. `attribution` gives each word of the prompt its share. `classifiers` judge
sampled answers, code by `static_analysis`.
"""
