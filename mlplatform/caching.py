"""Pages of somebody who is signed in are nobody else's: no cache keeps them, no back button shows them."""

from django.utils.cache import add_never_cache_headers, patch_vary_headers


class PrivatePagesMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if request.path.startswith("/api/"):  # no sessions there, and no time to lose
            return response
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        patch_vary_headers(response, ["HX-Request"])
        return response
