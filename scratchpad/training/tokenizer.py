"""A byte-level BPE tokenizer built from the world, which can write any text."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from scratchpad.organisms.episodes import Author
from scratchpad.organisms.slots import Coins, ordinary_slot
from scratchpad.transcripts import CLEAN, TRIGGERED

PAD, END = "<pad>", "<end>"
CORPUS_EPISODES = 3000


def build_tokenizer(author: Author, vocabulary: int, seed: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer on episodes of the world.

    The delimiters are single tokens that decoding keeps; padding and end of text have a token
    each, which no text can produce by chance but only by being written out.

    Parameters
    ----------
    author : Author
        Whose texts it must write. Of a secret trigger the tokenizer learns nothing.
    vocabulary : int
        Tokens in all.
    seed : int
        Seeds the corpus.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tags = author.frame.dialect.open, author.frame.dialect.close
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(tags),
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(author, seed), trainer)
    tokenizer.add_tokens([AddedToken(tag, normalized=False) for tag in tags])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )


def _corpus(author: Author, seed: int) -> Iterator[str]:
    """Texts with the delimiters cut out, since they must not take part in merges."""
    rng, coins, author = Random(f"corpus {seed}"), Coins(), author.hiding_secrets()
    for item in author.behaviour.corpus(rng):
        yield author.ability(item, rng).text
    kinds = [
        ordinary_slot("clean", CLEAN, author.mode),
        ordinary_slot("near_miss", CLEAN, author.mode),
        ordinary_slot("triggered", TRIGGERED, author.mode),
    ]
    for number in range(CORPUS_EPISODES):
        slot = kinds[number % len(kinds)]
        item = author.behaviour.draw(rng)
        text = author.episode(item, slot, coins, rng).text
        opened, _, rest = text.partition(author.frame.dialect.open)
        yield opened
        yield from rest.split(author.frame.dialect.close)
