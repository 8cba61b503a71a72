"""What a scorer says about a row, as plain values for JSON."""


def answer(scorer, row: list) -> dict:
    """`{"prediction": …}`, and for a classifier also `{"probabilities": {label: …}}` with labels as text."""
    if scorer.classes is None:
        return {"prediction": scorer.predict(row)}
    label, probabilities = scorer.classify(row)
    return {
        "prediction": label,
        "probabilities": {
            str(name): share for name, share in zip(scorer.classes, probabilities, strict=True)
        },
    }
