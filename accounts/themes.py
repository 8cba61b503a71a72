"""Light, dark, or as the system says: a cookie, so that pages arrive in the right theme."""

THEME_COOKIE = "theme"
THEME_DAYS = 365
THEMES = {"light": "Light", "dark": "Dark"}


def theme(request):
    """For templates: the theme that the visitor chose, or "" to follow the system."""
    chosen = request.COOKIES.get(THEME_COOKIE)
    return {"theme": chosen if chosen in THEMES else ""}
