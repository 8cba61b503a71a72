"""What was looked up, kept in the memory of this process for later requests."""


class Remembered(dict):
    """Bounded: emptied when it holds `size_max` keys, since each can be looked up again.

    Whoever uses a value has to make sure that it still holds, such as by a condition of a purchase.
    """

    def __init__(self, size_max: int):
        super().__init__()
        self.size_max = size_max

    def __setitem__(self, key, value):
        if len(self) >= self.size_max:
            self.clear()
        super().__setitem__(key, value)
