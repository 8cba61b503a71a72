"""The settings of the product but for passwords: to hash one takes a quarter of a second at each sign-up."""

from mlplatform.settings import *  # noqa: F403 - all of them

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
