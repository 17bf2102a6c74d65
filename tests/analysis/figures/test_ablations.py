"""What the axes of ablations show of values that people typed."""

import pandas as pd
from matplotlib.text import Text

from analysis.figures import ablations


def test_values_are_printable_whatever_they_hold():
    odd = ["=1+1", "\x1b[31mred", "\u202eturned", "a\nb", "$x_{"]
    rows = pd.DataFrame({
        "dataset": "d", "encoder": "e", "learner": "l", "initial": "", "strategy": "mine",
        "rounds": 1, "parameter": "word", "value": odd, "labelled": 10, "n": 2,
        "auc_mean": 0.5, "auc_low": 0.4, "auc_high": 0.6, "auc_std": 0.1,
        "kind": "strategy", "component": "mine", "fixed": "",
    })  # fmt: skip
    figure = ablations.ablation(rows)
    shown = {text.get_text() for text in figure.findobj(Text)}
    assert {"=1+1", "[31mred", "turned", "a b"} <= {text.strip() for text in shown}
    assert not any(set(text) & {"\x1b", "\u202e"} for text in shown)
