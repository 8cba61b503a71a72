"""The ledger in plain data."""


def ledger_of(*, owner) -> dict:
    """Every movement of a person's tokens, oldest first."""
    return {
        "ledger": [
            {
                "number": entry.seq,
                "kind": entry.kind,
                "amount": entry.amount,
                "balance_after": entry.balance_after,
                "reason": entry.reason,
                "reference": entry.reference,
                "created_at": entry.created_at.isoformat(),
            }
            for entry in owner.ledger_entries.order_by("seq")
        ]
    }
