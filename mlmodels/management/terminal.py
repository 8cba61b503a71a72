"""How the commands of this app talk to a terminal, and to a file or pipe in its place."""

BAR_CHARACTERS = 30


class ProgressBar:
    """One line that is drawn again and again on a terminal; elsewhere one line for each new note."""

    def __init__(self, output):
        self._output = output
        self._is_terminal = output.isatty()
        self._last = None

    def show(self, share: float, note: str) -> None:
        now = (share, note) if self._is_terminal else note
        if now == self._last or not note:
            return
        self._last = now
        if self._is_terminal:
            filled = round(share * BAR_CHARACTERS)
            bar = "█" * filled + "·" * (BAR_CHARACTERS - filled)
            self._output.write(f"\r{bar} {share:4.0%} {note[:60]:<60}", ending="")
            self._output.flush()
        else:
            self._output.write(note)

    def close(self) -> None:
        if self._is_terminal and self._last:
            self._output.write("")


def figure(value) -> str:
    """A measured number as people read it."""
    if not isinstance(value, int | float):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def figures_table(metrics: dict, baseline: dict) -> list[str]:
    """Lines with each metric of the model next to the baseline's."""
    rows = [("", "model", "baseline")]
    rows += [(name, figure(value), figure(baseline.get(name))) for name, value in metrics.items()]
    return [f"{name:<22} {of_model:>14} {of_baseline:>14}" for name, of_model, of_baseline in rows]
