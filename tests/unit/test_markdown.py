"""The Markdown of a question, as parts that a page draws."""

from recsys.serving.pages.markdown import Part, parts

QUESTION = """- **Approve**: als-1 is champion.
- **Reject**: als-2 is.

The first <b>line</b>
goes on.

| recipe | NDCG@10 |
|:-------|--------:|
| als\\|1 | 0.25 |

All figures: `python -m recsys exam`.
"""


def test_each_block_is_a_list_a_paragraph_or_a_table() -> None:
    assert parts(QUESTION) == [
        Part("list", lines=["Approve: als-1 is champion.", "Reject: als-2 is."]),
        Part("paragraph", lines=["The first <b>line</b> goes on."]),
        Part("table", rows=[["recipe", "NDCG@10"], ["als|1", "0.25"]]),
        Part("paragraph", lines=["All figures: python -m recsys exam."]),
    ]
    assert parts(" \n\n ") == []
