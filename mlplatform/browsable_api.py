from rest_framework import renderers

# Its pages use inline scripts and styles, and images from data: URLs
CONTENT_SECURITY_POLICY = {
    "script-src": ["'unsafe-inline'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["data:"],
}


class BrowsableAPIRenderer(renderers.BrowsableAPIRenderer):
    def render(self, data, accepted_media_type=None, renderer_context=None):
        renderer_context["response"]._csp_update = CONTENT_SECURITY_POLICY
        return super().render(data, accepted_media_type, renderer_context)
