"""Forward tokens are counted as they pass, by ids and by embeddings."""

import torch

from analyses.calibration.counting import counted_tokens
from tiny import byte_tokenizer, random_model


def test_tokens_of_every_pass_count_and_none_afterwards() -> None:
    model = random_model("llama", byte_tokenizer())
    ids = torch.ones((3, 7), dtype=torch.long)
    with torch.no_grad():
        with counted_tokens(model) as tokens:
            model(ids)
            model(input_ids=ids[:, :2])
            model(inputs_embeds=model.get_input_embeddings()(ids))
        model(ids)
    assert tokens.read == 3 * 7 + 3 * 2 + 3 * 7
