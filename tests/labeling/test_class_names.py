"""Names of classes that a person may have misspelled."""

from rayal.labeling.class_names import similar_class


def test_a_class_that_is_spelled_nearly_as_a_more_frequent_one_is_asked_about() -> None:
    counts = {"neutrophil": 7, "neutrophile": 1, "eosinophil": 1}
    assert similar_class("neutrophile", counts).startswith(" (did you mean 'neutrophil'?")
    assert similar_class("neutrophil", counts) == ""
    assert similar_class("eosinophil", counts) == ""


def test_classes_that_differ_in_their_digits_alone_are_different() -> None:
    assert similar_class("grade 2", {"grade 1": 5, "grade 2": 1}) == ""
