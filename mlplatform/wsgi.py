import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlplatform.settings")
django.setup(set_prefix=False)

from mlmodels.api.plain import Handler  # noqa: E402 - needs Django to be set up

application = Handler()
