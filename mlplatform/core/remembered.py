"""A cache in the memory of this process."""


class Remembered(dict):
    """A dictionary that is emptied when it holds `size_max` keys.

    Callers have to verify that a value is still valid, such as by a condition of a purchase.
    """

    def __init__(self, size_max: int):
        super().__init__()
        self.size_max = size_max

    def __setitem__(self, key, value):
        if len(self) >= self.size_max:
            self.clear()
        super().__setitem__(key, value)
