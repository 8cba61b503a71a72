from mlplatform.core.streaming import read_in_chunks


def ledger_of(*, owner) -> dict:
    """Every movement of a user's tokens, oldest first."""
    return {
        "ledger": (
            {
                "number": entry.seq,
                "kind": entry.kind,
                "amount": entry.amount,
                "balance_after": entry.balance_after,
                "reason": entry.reason,
                "reference": entry.reference,
                "created_at": entry.created_at.isoformat(),
            }
            for entry in read_in_chunks(owner.ledger_entries.all(), by="seq")
        )
    }


def token_requests_of(*, owner) -> dict:
    fields = ["id", "amount", "reason", "status", "amount_granted", "note", "created_at", "ended_at"]
    return {"token_requests": iter(owner.token_requests.newest_first().values(*fields))}
