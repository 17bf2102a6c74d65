"""Names of what a round of a record holds, by kind; `rayal.storage.formats` says what each is."""

METRICS = (  # of a round, numbers
    "auc", "accuracy", "balanced_accuracy", "mean_class_accuracy", "pool_error", "coverage",
    "class_entropy", "l1_score", "select_seconds", "train_seconds",
)  # fmt: skip
SOMETIMES = (  # numbers that not every learner or dataset has, and not every sweep asks for
    "pseudo_labels", "pseudo_labels_right", "query_entropy", "query_l1_loss",
    "mean_average_precision", "f1",
)  # fmt: skip
LISTS = ("selected", "class_counts", "auc_missing_classes")  # of a round
LISTS_OF_SEVERAL = (  # of a round, where an image may have several classes
    "thresholds", "classes_without_positive", "one_sided_classes",
)  # fmt: skip
