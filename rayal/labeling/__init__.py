"""From a folder of images without labels to a classifier: choices, rounds, answers, reports.

images -> pool: ids, groups, duplicates -> encoder -> strategy -> files for people and tools
    -> labels come back -> learner -> next round, advice, predictions
"""
